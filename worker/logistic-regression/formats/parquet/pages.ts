import {crc32} from 'node:zlib'
import {parquetHeader} from 'hyparquet/src/column.js'

/**
 * Checks the pages of a column in a row group by their headers and, if the file has them, their checksums.
 * @param start where the bytes begin in the file
 * @param cells that the column has, missing ones included
 * @returns what is wrong and where, to follow "is damaged:"
 */
export function faultInPages(bytes: Uint8Array, start: number, cells: number): string | undefined {
  const reader = {view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0}
  let found = 0
  for (let page = 1; found < cells; page++) {
    const where = `page ${page}, at byte ${start + reader.offset} of the file,`
    if (reader.offset >= bytes.length) return `its pages have ${found} of ${cells} cells`
    const header = headerAt(reader)
    const {type, compressed_page_size: size, crc} = header ?? {}
    const content = type === 'DATA_PAGE' ? header?.data_page_header : header?.data_page_header_v2
    const values = type === 'DICTIONARY_PAGE' ? 0 : content?.num_values
    if (size === undefined || values === undefined || values < 0) return `${where} has no valid header`
    const end = reader.offset + size
    if (size < 0 || end > bytes.length) return `${where} has a size that reaches beyond its column`
    // https://parquet.apache.org/docs/file-format/data-pages/checksumming/
    if (crc !== undefined && crc32(bytes.subarray(reader.offset, end)) !== crc >>> 0)
      return `${where} does not match its checksum`
    reader.offset = end
    found += values
  }
  return found === cells ? undefined : `its pages have ${found} cells instead of ${cells}`
}

function headerAt(reader: Parameters<typeof parquetHeader>[0]): ReturnType<typeof parquetHeader> | undefined {
  try {
    return parquetHeader(reader)
  } catch {
    return undefined
  }
}
