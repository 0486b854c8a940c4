import {existsSync} from 'node:fs'
import {mkdtemp, readFile, readdir, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {delimiter, dirname, join} from 'node:path'
import {execa} from 'execa'
import {expect, it} from 'vitest'

const root = join(import.meta.dirname, '../..')
/** Node 24 first, and no folder of the checkout: nothing but the package itself may be found. */
const environment = (home: string) => ({
  HOME: home,
  PATH: [dirname(process.execPath), ...(process.env['PATH'] ?? '').split(delimiter)]
    .filter((folder) => !folder.startsWith(root) || folder === dirname(process.execPath))
    .join(delimiter),
})

it('the package, installed alone in an empty folder, sets up, processes a file and leaves nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-package-'))
  const options = {cwd: folder, env: environment(folder), extendEnv: true} as const
  try {
    // The build is there already; packing must not run it again under the feet of other tests.
    const packed = await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {cwd: root})
    const [tarball = ''] = packed.stdout.trim().split('\n').slice(-1)
    await writeFile(join(folder, 'package.json'), '{"private": true}')
    await execa(
      'npm',
      ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, tarball)],
      options,
    )

    // What the README links to is in the package.
    const installed = join(folder, 'node_modules/cloud-runner')
    const readme = await readFile(join(installed, 'README.md'), 'utf8')
    const links = [...readme.matchAll(/\]\((?!https?:|#)(?<path>[^)#]+)/g)].map(({groups}) =>
      join(installed, groups?.['path'] ?? ''),
    )
    expect(links).toEqual(
      expect.arrayContaining([join(installed, 'CONTRIBUTING.md'), join(installed, 'LICENSE')]),
    )
    expect(links.filter((link) => !existsSync(link))).toEqual([])
    expect(await readFile(join(installed, 'LICENSE'), 'utf8')).toContain('Apache License')

    // The local cloud is a few files that stand alone, for the CLI and as a library.
    const own = await readdir(join(installed, 'dist/src/local-cloud'), {recursive: true})
    expect(own.filter((file) => file.endsWith('.js')).length).toBeLessThan(30)
    await writeFile(
      join(folder, 'embedded.mjs'),
      `import {LocalCloud} from 'cloud-runner/local-cloud'
       await using cloud = await LocalCloud.start()
       const answer = await fetch(cloud.endpoint + '/storage/v1/b?project=p', {method: 'POST', body: '{"name": "embedded"}'})
       console.log((await answer.json()).name)`,
    )
    expect((await execa(process.execPath, ['embedded.mjs'], options)).stdout).toBe('embedded')

    const cli = (...args: string[]) => execa(join(folder, 'node_modules/.bin/cloud-runner'), args, options)
    await cli('setup')
    await cli('sample', '--output', 'financial_statements.csv')
    const upload = await cli('upload', 'financial_statements.csv', '--wait', '--json')
    expect(JSON.parse(upload.stdout)).toMatchObject({
      files: [{object: 'financial_statements.csv', state: 'done'}],
    })
    await cli('destroy', '--confirm', 'cloud-runner')

    // A worker of one's own finds the package that is installed above it.
    await cli('init', 'own')
    const {stdout} = await execa(process.execPath, ['--test'], {...options, cwd: join(folder, 'own')})
    expect(stdout).toContain('pass 2')
    expect((await readdir(folder)).toSorted()).toEqual(expect.not.arrayContaining(['.cloud-runner']))
  } finally {
    await execa(join(folder, 'node_modules/.bin/cloud-runner'), ['local', 'stop'], {
      ...options,
      reject: false,
    })
    await rm(folder, {recursive: true, force: true})
  }
}, 180_000)
