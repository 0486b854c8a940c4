import {DatabaseSync} from 'node:sqlite'

/**
 * Copies the object `n-` until there are so many. Uploading them one by one would take an hour; what a list reads is
 * rows.
 * @param file the database of a local cloud that does not run
 */
export function multiplyObjects(file: string, count: number): void {
  using database = new DatabaseSync(file)
  database.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
    INSERT INTO storage_objects (bucket, name, generation, metageneration, blob, size, md5, crc32c, component_count,
        time_created, updated, time_deleted, fields)
      SELECT bucket, format('n-%07d', i), generation + i, metageneration, format('%s-%07d', blob, i), size, md5, crc32c,
        component_count, time_created, updated, time_deleted, fields
      FROM n, storage_objects WHERE name = 'n-'`)
}
