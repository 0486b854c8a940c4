import {join} from 'node:path'
import {expect, it} from 'vitest'
import {CRATE, PYTHON, withoutPython, withoutRust} from '../support/google-clients.ts'
import {missing, startTools} from '../support/tool.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/clients')
const python = (name: string): string[] => [PYTHON, join(FIXTURES, `${name}_storage.py`)]

/** Each runs as on Google, by what `local exec` sets. */
const TOOLS: [name: string, reason: string | undefined, command: string[]][] = [
  ['gcsfs', withoutPython('gcsfs', 'pandas', 'pyarrow'), python('gcsfs')],
  ['pyarrow', withoutPython('pyarrow'), python('pyarrow')],
  ['polars', withoutPython('polars'), python('polars')],
  ['duckdb', withoutPython('duckdb', 'duckdb_extension_httpfs', 'google.cloud.storage'), python('duckdb')],
  ['boto3', withoutPython('boto3', 'google.cloud.storage'), python('boto3')],
  ['rust', withoutRust(), ['cargo', 'run', '--offline', '--manifest-path', join(CRATE, 'Cargo.toml')]],
  ['rclone', missing('rclone'), ['sh', join(FIXTURES, 'rclone.sh')]],
]

for (const [name, reason, command] of TOOLS)
  it.skipIf(reason !== undefined)(
    `${name}: reads, writes, lists, copies and removes${reason ?? ''}`,
    {timeout: 300_000},
    async () => {
      const {run, local, project} = await startTools()
      for (const [path, body] of [
        [`/storage/v1/b?project=${project}`, {name: `${name}-data`}],
        [`/v1/projects/${project}/serviceAccounts`, {accountId: 'reader'}],
      ] as const) {
        const created = await fetch(local.endpoint + path, {method: 'POST', body: JSON.stringify(body)})
        expect(created.status).toBe(200)
      }
      expect(await run(command, {BUCKET: `${name}-data`})).toContain(`${name}: done`)
    },
  )
