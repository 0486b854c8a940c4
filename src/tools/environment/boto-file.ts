import {writeWhole} from '../../core/whole-file.ts'
import {gsutilEnvironment, type LocalCloudOrigins} from './environment.ts'

/**
 * gsutil's settings, which it reads from a file alone (https://cloud.google.com/storage/docs/boto-gsutil): where the
 * JSON API is, whose certificate to trust, and a place for what it keeps of unfinished transfers.
 */
export async function writeBotoFile(origins: LocalCloudOrigins): Promise<void> {
  const {folder, project, tls} = origins
  const {hostname, port} = new URL(tls.endpoint)
  const path = gsutilEnvironment(origins).set['BOTO_CONFIG'] ?? ''
  const lines = [
    '[Credentials]',
    `gs_json_host = ${hostname}`,
    `gs_json_port = ${port}`,
    '[Boto]',
    `ca_certificates_file = ${escape(tls.certificate)}`,
    // A machine of one's own that does not answer is not there: the default goes on for a quarter of an hour.
    'num_retries = 3',
    '[GSUtil]',
    `default_project_id = ${project}`,
    `state_dir = ${escape(folder)}/gsutil`,
    'software_update_check_period = 0',
    '',
  ]
  await writeWhole(path, lines.join('\n'), {mode: 0o600})
}

/** Python's configparser puts values in for `%(name)s`. */
function escape(value: string): string {
  return value.replaceAll('%', '%%')
}
