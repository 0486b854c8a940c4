import type {Context} from '../ports/context.ts'
import {putLocalValues, readLocalValues} from './local-values.ts'

/**
 * On the local target, makes this machine's values the newest versions of the secrets.
 * @returns whether a value changed: instances read it when they start
 */
export async function provideSecrets({cloud, pipeline, stateFolder, step}: Context): Promise<boolean> {
  const {target, secrets} = pipeline.settings
  if (target !== 'local' || Object.keys(secrets).length === 0) return false
  step('Store the values of secrets')
  const {put} = await putLocalValues(cloud.secrets, await readLocalValues(stateFolder), secrets)
  return put.length > 0
}
