import {writeWhole} from '../../core/whole-file.ts'
import {gsutilEnvironment, type LocalCloudOrigins} from './environment.ts'

/**
 * The APIs that gsutil calls, each with its own host and port, always over TLS (its modules `gcs_json_api`,
 * `pubsub_api`, `kms_api`, `iamcredentials_api`). The misspelled port is what it actually reads.
 */
const HOSTS = ['gs_json_host', 'gs_pubsub_host', 'gs_kms_host', 'gs_iamcredentials_host']
const PORTS = ['gs_json_port', 'gs_pubsub_port', 'gs_kms_port', 'gs_iamcredentails_port']

/**
 * gsutil's settings, which it reads only from a file (https://cloud.google.com/storage/docs/boto-gsutil): the addresses
 * of its APIs, the certificate to trust, and a folder for the state of unfinished transfers.
 */
export async function writeBotoFile(origins: LocalCloudOrigins): Promise<void> {
  const {folder, project, tls} = origins
  const {hostname, port} = new URL(tls.endpoint)
  const path = gsutilEnvironment(origins).set['BOTO_CONFIG'] ?? ''
  const lines = [
    '[Credentials]',
    ...HOSTS.map((name) => `${name} = ${hostname}`),
    ...PORTS.map((name) => `${name} = ${port}`),
    '[Boto]',
    `ca_certificates_file = ${escape(tls.certificate)}`,
    // A local server that does not answer is not running: the default retries for a quarter of an hour.
    'num_retries = 3',
    '[GSUtil]',
    `default_project_id = ${project}`,
    `state_dir = ${escape(folder)}/gsutil`,
    'software_update_check_period = 0',
    '',
  ]
  await writeWhole(path, lines.join('\n'), {mode: 0o600})
}

/** Python's configparser substitutes `%(name)s`. */
function escape(value: string): string {
  return value.replaceAll('%', '%%')
}
