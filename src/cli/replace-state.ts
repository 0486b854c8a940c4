import {again} from '../core/suggestion.ts'
import {confirmByYes, type Consent} from './confirm.ts'
import {counted} from './format.ts'
import type {LocalCloudControl} from './targets.ts'

/**
 * Asks before the state of the local cloud is lost; with no resource in it, there is nothing to lose.
 * @param instead what becomes of it: `will be removed`
 * @throws AppError `confirmation-required`, `confirmation-mismatch`
 */
export async function agreeToLoseState(
  local: Pick<LocalCloudControl, 'folder' | 'status'>,
  instead: string,
  consent: Pick<Consent, 'given' | 'interactive' | 'signal'>,
): Promise<void> {
  const running = await local.status()
  // If it does not run, the next call says so.
  if (running === undefined || (running.buckets === 0 && running.others === 0)) return
  const buckets = running.buckets === undefined ? 'All buckets' : counted(running.buckets, 'bucket')
  const lost =
    running.buckets === 0
      ? `Everything in ${local.folder}`
      : `${buckets} with all files and results, and everything else in ${local.folder},`
  await confirmByYes({
    ...consent,
    consequences: [`${lost} ${instead}. Snapshots stay.`],
    command: again('--yes'),
  })
}
