import {join} from 'node:path'
import {DatabaseSync} from 'node:sqlite'
import type {Cli} from './cli.ts'

/**
 * Copies each object of `sample.csv`, the pipeline's one file, until there are so many: uploads would take minutes.
 * @param folder of the commands, whose local cloud is stopped
 */
export function multiplySample(folder: string, files: number): void {
  using database = new DatabaseSync(join(folder, '.cloud-runner', 'local', 'state.db'))
  database.exec(`
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${files - 1})
    INSERT INTO storage_objects
    SELECT bucket, replace(name, 'sample.csv', printf('files/%06d.csv', n)), generation + n, metageneration, blob, size,
      md5, crc32c, component_count, time_created, updated, time_deleted,
      CASE WHEN json_extract(fields, '$.metadata."source-generation"') IS NULL THEN fields
        ELSE json_set(fields, '$.metadata."source-generation"',
          CAST(json_extract(fields, '$.metadata."source-generation"') + n AS TEXT)) END,
      class_updated, hold_released
    FROM storage_objects, numbers WHERE name LIKE '%sample.csv%'`)
}

/** Sets up a pipeline with so many files that are done, and `bad.csv` that failed; its local cloud is stopped then. */
export async function setupManyFiles(cli: Cli, files: number): Promise<void> {
  await cli.json(['sample', '--rows', '200', '--output', 'sample.csv'])
  await cli.json(['setup'])
  await cli.json(['upload', 'sample.csv', '--label-column', 'bankrupt', '--wait'])
  await cli.write('bad.csv', 'a,b\n"1,2\n')
  await cli.run(['upload', 'bad.csv', '--wait'])
  await cli.run(['local', 'stop'])
  multiplySample(cli.folder, files)
}
