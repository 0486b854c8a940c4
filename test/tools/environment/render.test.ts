import {execFileSync} from 'node:child_process'
import {parseEnv} from 'node:util'
import {describe, expect, it} from 'vitest'
import {environmentOf, type LocalCloudOrigins} from '../../../src/tools/environment/environment.ts'
import {ENVIRONMENT_FORMATS, renderEnvironment} from '../../../src/tools/environment/render.ts'

const origins: LocalCloudOrigins = {
  endpoint: 'http://127.0.0.1:24510',
  proxy: 'http://127.0.0.1:24511',
  tls: {endpoint: 'https://127.0.0.1:24512', certificate: '/home/x/tls-certificate.pem'},
  folder: "/home/o'neill/my $HOME/.cloud-runner/local",
  project: 'cloud-runner-local',
  region: 'europe-west3',
}
const environment = environmentOf(origins, ['registry.terraform.io'])
const written = (format: (typeof ENVIRONMENT_FORMATS)[number]): string =>
  `${renderEnvironment(format, origins, environment).join('\n')}\n`

describe('what points tools at the local cloud', () => {
  it('names it for every product of the provider, each with the path that its API has', () => {
    const endpoints = Object.entries(environment.set).filter(([name]) => name.endsWith('_CUSTOM_ENDPOINT'))
    expect(endpoints.length).toBeGreaterThan(170)
    // The provider takes the last segment for the version: https://github.com/hashicorp/terraform-provider-google
    const onPaths = endpoints.filter(([name]) => name !== 'GOOGLE_CLOUD_RUN_CUSTOM_ENDPOINT')
    for (const [, value] of onPaths) expect(value).toMatch(/^http:\/\/127\.0\.0\.1:24510\/([\w/]+\/)?$/)
    expect(Object.fromEntries(endpoints)).toMatchObject({
      GOOGLE_STORAGE_CUSTOM_ENDPOINT: 'http://127.0.0.1:24510/storage/v1/',
      GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT: 'http://127.0.0.1:24510/v2/',
      GOOGLE_CLOUD_RUN_CUSTOM_ENDPOINT: 'http://{{location}}-run.googleapis.com/',
      GOOGLE_IAM_BETA_CUSTOM_ENDPOINT: 'http://127.0.0.1:24510/v1/',
      GOOGLE_COMPUTE_CUSTOM_ENDPOINT: 'http://127.0.0.1:24510/compute/v1/',
      GOOGLE_LOGGING_CUSTOM_ENDPOINT: 'http://127.0.0.1:24510/v2/',
    })
  })

  it('lets loopback and the allowed hosts past the proxy, and nothing else', () => {
    expect(environment.set).toMatchObject({
      HTTPS_PROXY: origins.proxy,
      http_proxy: origins.proxy,
      NO_PROXY: 'localhost,127.0.0.1,::1,registry.terraform.io',
    })
    expect(environment.unset).toEqual(expect.arrayContaining(['ALL_PROXY', 'GOOGLE_CREDENTIALS']))
  })

  it('sets nothing that it removes', () => {
    for (const name of environment.unset) expect(environment.set).not.toHaveProperty(name)
  })
})

describe('its formats', () => {
  it('shell: a shell that evaluates it has it, whatever the folder is called', () => {
    const probe = `${written('shell')}\nenv -0`
    const all = execFileSync('sh', ['-c', probe], {
      env: {PATH: process.env['PATH'], GOOGLE_CREDENTIALS: 'secret', ALL_PROXY: 'http://proxy.example.org'},
      encoding: 'utf8',
    })
    const after = Object.fromEntries(all.split('\0').map((line) => line.split(/=(.*)/s).slice(0, 2)))
    expect(after).toMatchObject(environment.set)
    for (const name of environment.unset) expect(after).not.toHaveProperty(name)
  })

  it('dotenv: Node reads it back', () => {
    const read = parseEnv(written('dotenv'))
    expect(read).toMatchObject(environment.set)
    expect(read['GOOGLE_CREDENTIALS']).toBe('')
  })

  it('json: is the whole', () => {
    expect(JSON.parse(written('json'))).toEqual({...origins, ...environment})
  })

  it('gcloud: a configuration in sections', () => {
    const text = written('gcloud')
    expect(text).toMatch(/^\[core\]\nproject = cloud-runner-local$/m)
    expect(text).toMatch(/^\[auth\]\ncredential_file_override = .*credentials\.json$/m)
    expect(text).toMatch(/^\[proxy\]\ntype = http\naddress = 127\.0\.0\.1\nport = 24511$/m)
    expect(text).not.toContain('config =')
    const properties = Object.keys(environment.set).filter((name) => /^CLOUDSDK_(?!CONFIG$)/.test(name))
    expect(text.match(/ = /g)).toHaveLength(properties.length)
  })

  it('terraform: one provider block, formatted as terraform fmt does', () => {
    const text = written('terraform')
    expect(text).toContain('cloud_run_v2_custom_endpoint')
    expect(text.match(/_custom_endpoint/g)?.length).toBeGreaterThan(170)
    expect(text).toMatch(/^provider "google" \{$/m)
  })
})
