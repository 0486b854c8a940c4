import {join} from 'node:path'
import {expect, it} from 'vitest'
import {NO_PROVIDER, Terraform, unless} from '../support/terraform.ts'
import {missing, startTools} from '../support/tool.ts'

const PIPELINE = join(import.meta.dirname, '../fixtures/clients/pipeline')
const REASON =
  missing('gcloud', 'gsutil', 'bash') ?? (NO_PROVIDER === undefined ? undefined : unless(NO_PROVIDER))

/** A worker that knows nothing of ours: it writes each file in capitals, after its version. */
const worker = (version: string): string => `
  const {text} = require('node:stream/consumers')
  const api = process.env.STORAGE_EMULATOR_HOST
  require('node:http').createServer(async (request, response) => {
    try {
      const {message: {attributes: {bucketId, objectId}}} = JSON.parse(await text(request))
      const name = encodeURIComponent(objectId)
      const input = await fetch(api + '/storage/v1/b/' + bucketId + '/o/' + name + '?alt=media')
      if (!input.ok) throw new Error(await input.text())
      const output = await fetch(api + '/upload/storage/v1/b/' + process.env.OUTPUT_BUCKET + '/o?uploadType=media&name=' + name, {
        method: 'POST', body: '${version}: ' + (await input.text()).toUpperCase(),
      })
      if (!output.ok) throw new Error(await output.text())
      response.writeHead(204).end()
    } catch (error) {
      console.error(error)
      response.writeHead(500).end()
    }
  }).listen(process.env.PORT)`

it.skipIf(REASON !== undefined)(
  `the usual shell form: terraform apply, gsutil cp; gcloud run services update; gsutil rm, terraform destroy${REASON ?? ''}`,
  {timeout: 300_000},
  async () => {
    const {local, folder, origins, pushServer, run} = await startTools()
    const {folder: place} = new Terraform(join(folder, 'pipeline'), PIPELINE, origins)
    const script = (name: string, IMAGE: string): Promise<string> =>
      run(['bash', '-c', `cd "$0" && ./${name}.sh`, place], {
        IMAGE,
        TF_CLI_CONFIG_FILE: join(place, '.terraformrc'),
        TF_PLUGIN_CACHE_DIR: '',
      })
    const first = await pushServer(worker('one'))
    expect(await script('setup', first)).toMatch(/one: FIRST FILE\n$/)
    const second = await pushServer(worker('two'))
    expect(await script('deploy', second)).toContain('two: SECOND FILE\n')
    expect(await script('destroy', second)).toMatch(/Destroy complete!/)
    expect(local.status()).toMatchObject({buckets: 0, denials: []})
  },
)
