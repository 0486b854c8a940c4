import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {execa} from 'execa'
import {OAuth2Client} from 'google-auth-library'
import {expect, it, onTestFinished} from 'vitest'
import {docker, whyNot} from '../support/docker.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const ROOT = join(import.meta.dirname, '../..')
const IMAGE = 'cloud-runner-test-local-cloud'
const TOKEN = '0123456789abcdef0123456789abcdef'
const NO_DOCKER = whyNot('gcr.io/distroless/nodejs24-debian12:nonroot')

/** Builds the image as the Dockerfile says. */
async function buildImage(): Promise<void> {
  const folder = await temporaryFolder()
  const context = join(folder, 'image')
  await mkdir(context)
  await writeFile(join(context, 'package.json'), '{"private": true}')
  const packed = await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {cwd: ROOT})
  const [tarball = ''] = packed.stdout.trim().split('\n').slice(-1)
  const quiet = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  await execa('npm', ['install', ...quiet, join(folder, tarball)], {cwd: context})
  const dockerfile = join(context, 'node_modules/cloud-runner/Dockerfile')
  await docker('build', '--quiet', '--target', 'local-cloud', '--tag', IMAGE, '--file', dockerfile, context)
}

it.skipIf(NO_DOCKER !== '')(
  `the container serves Google's client on a published port, by its token ${NO_DOCKER}`,
  {timeout: 300_000},
  async () => {
    await buildImage()
    const published = ['--publish', '127.0.0.1::4510', '--env', `LOCAL_CLOUD_TOKEN=${TOKEN}`]
    const container = await docker('run', '--detach', ...published, IMAGE)
    onTestFinished(() => docker('rm', '--force', container).then(() => undefined))
    const log = async (): Promise<string> => (await execa('docker', ['logs', container])).stderr
    await expect.poll(log, {timeout: 60_000}).toContain('ready at')
    const address = await docker('port', container, '4510/tcp')

    const authClient = new OAuth2Client()
    authClient.setCredentials({access_token: TOKEN})
    const options = {apiEndpoint: `http://${address}`, projectId: 'p', useAuthWithCustomEndpoint: true}
    const [bucket] = await new Storage({...options, authClient}).createBucket('photos')
    await bucket.file('cat.txt').save('meow', {resumable: false})
    expect(String(await bucket.file('cat.txt').download())).toBe('meow')
    expect((await fetch(`http://${address}/storage/v1/b?project=p`)).status).toBe(401)

    const withoutToken = await execa('docker', ['run', '--rm', IMAGE], {reject: false})
    expect(withoutToken.exitCode).toBe(1)
    expect(withoutToken.stderr).toContain('LOCAL_CLOUD_TOKEN must hold')
  },
)
