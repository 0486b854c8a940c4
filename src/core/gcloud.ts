import type {Settings} from './settings/settings.ts'
import {command, suggest, type Suggestion} from './suggestion.ts'

/** A gcloud command to type; on the local target, sent to the local cloud. @param typed without quotes */
export function gcloudFor({target}: Pick<Settings, 'target'>, typed: string): Suggestion {
  return target === 'local' ? suggest`${command('local exec', '--', ...typed.split(' '))}` : typed
}
