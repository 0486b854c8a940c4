import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {GO_MODULE, JARS, PYTHON, withoutGo, withoutJava, withoutPython} from '../support/google-clients.ts'
import {missing, startTools, type Tools} from '../support/tool.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/clients')
const MINUTES = {timeout: 300_000}
/** Runs a program without any variable that names the local cloud as an endpoint. */
const runUnaware = ({run}: Tools, ...command: string[]): Promise<string> =>
  run(['env', '-u', 'STORAGE_EMULATOR_HOST', '-u', 'PUBSUB_EMULATOR_HOST', ...command], {GOPROXY: 'off'})

const PROGRAMS = [
  {
    language: 'Python',
    skipped: withoutPython('google.cloud.storage', 'google.cloud.pubsub_v1'),
    command: [PYTHON, join(FIXTURES, 'python_clients.py')],
  },
  {
    language: 'Go',
    skipped: withoutGo(),
    command: ['go', 'run', '-C', GO_MODULE, '.'],
  },
  {
    language: 'Java',
    skipped: withoutJava(),
    command: ['java', '-cp', `${JARS}/*`, join(FIXTURES, 'java/Objects.java')],
  },
]

describe("a program that knows Google's own hosts only", () => {
  for (const {language, skipped, command} of PROGRAMS) {
    it.skipIf(skipped !== undefined)(`in ${language}${skipped ?? ''}`, MINUTES, async () => {
      const output = await runUnaware(await startTools(), ...command)
      expect(output).toContain(`${language.toLowerCase()}: done`)
    })
  }

  const noCredentials = withoutPython('google.cloud.iam_credentials_v1', 'google.cloud.storage')
  it.skipIf(noCredentials !== undefined)(
    `impersonates an account and asks for its tokens over gRPC, in Python${noCredentials ?? ''}`,
    MINUTES,
    async () => {
      const output = await runUnaware(await startTools(), PYTHON, join(FIXTURES, 'python_credentials.py'))
      expect(output).toContain('credentials: done')
    },
  )

  it("in Node, over TLS; hosts that are not Google's are refused", MINUTES, async () => {
    const tools = await startTools()
    const program = `
      const {get} = require('node:https')
      const buckets = 'https://storage.googleapis.com/storage/v1/b?project=p'
      get(buckets, async (response) => {
        console.log(response.resume().statusCode, (await fetch(buckets)).status)
        console.log(await (await fetch('https://europe-west3-docker.pkg.dev/v2/')).text())
        get('https://example.org/').on('error', ({message}) => console.log(message))
      })`
    const output = await runUnaware(tools, process.execPath, '-e', program)
    expect(output).toMatch(/^200 200\n\{\}\n.*403/s)
    expect(tools.local.status().outsideCalls).toMatchObject([{host: 'example.org:443', method: 'CONNECT'}])
  })
})

const NO_CURL = missing('curl')

it.skipIf(NO_CURL !== undefined)(
  `a service of Cloud Run by Google's address, with its certificate and the caller's token${NO_CURL ?? ''}`,
  MINUTES,
  async () => {
    const tools = await startTools()
    const image = await tools.pushServer(
      "require('node:http').createServer((request, response) => response.end(request.headers['x-forwarded-proto'] + ' ' + request.headers.host)).listen(process.env.PORT)",
    )
    const {endpoint} = tools.local
    const services = `${endpoint}/v2/projects/${tools.project}/locations/europe-west3/services`
    const post = async (url: string, body: object): Promise<Record<string, unknown>> => {
      const response = await fetch(url, {method: 'POST', body: JSON.stringify(body)})
      return JSON.parse(await response.text())
    }
    const traffic = [{type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100, tag: 'next'}]
    await post(`${services}?serviceId=worker`, {template: {containers: [{image}]}, traffic})
    let url = ''
    await expect
      .poll(async () => {
        const {urls, terminalCondition}: {urls?: string[]; terminalCondition?: {state: string}} = JSON.parse(
          await (await fetch(`${services}/worker`)).text(),
        )
        url = urls?.[1] ?? ''
        return terminalCondition?.state
      })
      .toBe('CONDITION_SUCCEEDED')
    expect(url).toMatch(/^https:\/\/worker-\d+\.europe-west3\.run\.app$/)
    const tagged = url.replace('//', '//next---')

    const accounts = `${endpoint}/v1/projects/${tools.project}/serviceAccounts`
    await post(accounts, {accountId: 'caller'})
    const email = `caller@${tools.project}.iam.gserviceaccount.com`
    const members = [`serviceAccount:${email}`]
    await post(
      `${endpoint}/v2/projects/${tools.project}/locations/europe-west3/services/worker:setIamPolicy`,
      {
        policy: {bindings: [{role: 'roles/run.invoker', members}]},
      },
    )
    const tokenFor = async (audience: string): Promise<unknown> => {
      const answer = await post(`${endpoint}/v1/projects/-/serviceAccounts/${email}:generateIdToken`, {
        audience,
        includeEmail: true,
      })
      return answer['token']
    }
    const script = `
      curl -s -o /dev/null -w '%{http_code}\n' "$URL"
      curl -s -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $WRONG" "$URL"
      curl -sS -H "Authorization: Bearer $TOKEN" "$URL" && echo
      curl -sS -H "Authorization: Bearer $TOKEN" "$TAGGED" && echo
      exec "$NODE" -e '
        const {URL: url, TOKEN} = process.env
        const invoke = (headers) => fetch(url, {headers})
        invoke({authorization: "Bearer " + TOKEN})
          .then(async (response) => console.log(await response.text(), (await invoke({})).status))
          .then(() => fetch(url.replace("worker", "other")).catch(({cause}) => console.log(cause.message)))'`
    const output = await tools.run(['sh', '-c', script], {
      NODE: process.execPath,
      URL: url,
      TAGGED: tagged,
      TOKEN: String(await tokenFor(url)),
      WRONG: String(await tokenFor('https://elsewhere.run.app')),
    })
    const {host} = new URL(url)
    expect(output).toMatch(/^403\n401\n/)
    expect(output).toContain(`https ${host}\nhttps next---${host}\nhttps ${host} 403\n`)
    expect(tools.local.status().outsideCalls).toMatchObject([
      {host: `${host.replace('worker', 'other')}:443`, method: 'CONNECT'},
    ])
  },
)

const NO_GCLOUD = missing('gcloud', 'bash')

it.skipIf(NO_GCLOUD !== undefined)(
  `gcloud: tokens of the owner, a signature, an API without override${NO_GCLOUD ?? ''}`,
  MINUTES,
  async () => {
    const tools = await startTools()
    const image = await tools.pushServer(
      "require('node:http').createServer((request, response) => response.end('invoked\\n')).listen(process.env.PORT)",
    )
    const script = `set -e
      gcloud auth print-access-token
      gcloud run deploy worker --image="$IMAGE" --no-allow-unauthenticated --quiet 2>/dev/null
      URL=$(gcloud run services describe worker --format='value(status.url)')
      curl -s -o /dev/null -w '%{http_code}\\n' "$URL"
      curl -s -H "Authorization: Bearer $(gcloud auth print-identity-token)" "$URL"
      gcloud iam service-accounts create signer --quiet 2>/dev/null
      echo text > blob
      gcloud iam service-accounts sign-blob blob signed --iam-account="signer@$CLOUDSDK_CORE_PROJECT.iam.gserviceaccount.com" 2>&1
      gcloud compute instances list 2>&1 || true`
    const output = await tools.run(['bash', '-c', script], {IMAGE: image})
    expect(output).toMatch(/^local\n403\ninvoked\nsigned blob \[blob\] as \[signed\]/)
    expect(output).toContain('not served by the local cloud')
    expect(output).not.toContain('ProxyError')
  },
)
