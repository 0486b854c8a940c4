const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
/** Part of a file in which the names of its parts are sought. */
const HEAD_BYTES = 64 * 1024

export const EXPORT_AS_CSV = 'Export the data as CSV (UTF-8) with a header line, and upload that file.'
const UNPACK = 'Unpack it first, or pack it with gzip under a name that ends in .gz.'
const inPandas = (reader: string): string =>
  `Convert it, for instance: python -c "import pandas; pandas.${reader}('FILE').to_csv('FILE.csv', index=False)"`
const SAVE_SHEET = 'Save the sheet with the data as CSV: in Excel, File, Save As, CSV UTF-8.'
const UNZIP = 'Unpack it, and upload the files that are in it: unzip FILE -d FOLDER'

interface Signature {
  /** What the file begins with, in Latin-1. */
  magic: string
  at?: number
  /** Readable text, which a CSV file may have there, too: what follows is not. */
  isText?: boolean
  what: string
  suggestions: readonly string[]
  /** What it is if a part in it has such a name. */
  parts?: readonly {name: RegExp; what: string; suggestions: readonly string[]}[]
}

/** Letters as UTF-16 has them. */
const wide = (name: string): RegExp => new RegExp(Buffer.from(name, 'utf16le').toString('latin1'))

/** What is often uploaded by mistake. */
const SIGNATURES: readonly Signature[] = [
  {magic: '\x89PNG', what: 'a PNG image', suggestions: [EXPORT_AS_CSV]},
  {magic: '\xFF\xD8\xFF', what: 'a JPEG image', suggestions: [EXPORT_AS_CSV]},
  {
    magic: 'PARE',
    isText: true,
    what: 'an encrypted Parquet file',
    suggestions: ['Write it without encryption: the bucket encrypts it at rest.'],
  },
  {magic: '%PDF-', what: 'a PDF document', suggestions: [EXPORT_AS_CSV]},
  {
    magic: 'PK\x03\x04',
    what: 'a ZIP archive',
    suggestions: [UNZIP],
    parts: [
      {
        name: /\bxl\/(workbook|worksheets|styles|theme|sharedStrings|_rels)/,
        what: 'an Excel workbook',
        suggestions: [SAVE_SHEET, inPandas('read_excel')],
      },
      {
        name: /application\/vnd\.oasis\.opendocument\.spreadsheet/,
        what: 'an OpenDocument spreadsheet',
        suggestions: [
          'Save the sheet with the data as CSV: in LibreOffice, File, Save As, Text CSV.',
          'Or convert it: soffice --convert-to csv FILE',
        ],
      },
      {
        name: /\bIndex\/[\w/-]+\.iwa/,
        what: 'a Numbers spreadsheet',
        suggestions: ['Export it: in Numbers, File, Export To, CSV. Each table becomes a file.'],
      },
      {name: /\bword\/(document|styles|_rels)/, what: 'a Word document', suggestions: [EXPORT_AS_CSV]},
    ],
  },
  {magic: 'PK\x05\x06', what: 'an empty ZIP archive', suggestions: [EXPORT_AS_CSV]},
  {
    magic: '\xD0\xCF\x11\xE0',
    what: 'an old Excel or Word document',
    suggestions: [SAVE_SHEET, inPandas('read_excel')],
    parts: [
      {
        name: wide('EncryptedPackage'),
        what: 'a workbook or document with a password',
        suggestions: [`Open it with its password. ${SAVE_SHEET}`],
      },
      {
        name: wide('Workbook'),
        what: 'an old Excel workbook',
        suggestions: [SAVE_SHEET, inPandas('read_excel')],
      },
      {name: wide('WordDocument'), what: 'an old Word document', suggestions: [EXPORT_AS_CSV]},
    ],
  },
  {
    magic: '\x1F\x8B',
    what: 'packed with gzip',
    suggestions: ['Upload it under a name that ends in .gz; if it has one already, it was compressed twice.'],
  },
  {magic: '\x28\xB5\x2F\xFD', what: 'packed with zstd', suggestions: [UNPACK]},
  {magic: '1AY&SY', at: 4, what: 'packed with bzip2', suggestions: [UNPACK]},
  {magic: '\xFD7zXZ', what: 'packed with xz', suggestions: [UNPACK]},
  {magic: '7z\xBC\xAF', what: 'a 7z archive', suggestions: [UNPACK]},
  {
    magic: 'ustar',
    at: 257,
    isText: true,
    what: 'a tar archive',
    suggestions: ['Unpack it, and upload the files that are in it: tar -xf FILE'],
  },
  {magic: 'SQLite format 3', isText: true, what: 'an SQLite database', suggestions: [EXPORT_AS_CSV]},
  {magic: 'ARROW1\0', what: 'an Arrow file', suggestions: [inPandas('read_feather')]},
  {magic: 'ORC', isText: true, what: 'an ORC file', suggestions: [inPandas('read_orc')]},
  {magic: 'Obj\x01', what: 'an Avro file', suggestions: [EXPORT_AS_CSV]},
  {magic: '\x89HDF', what: 'an HDF5 file', suggestions: [EXPORT_AS_CSV]},
  {magic: '<stata_dta>', what: 'a Stata file', suggestions: [inPandas('read_stata')]},
  {magic: '\x93NUMPY', what: 'a NumPy array', suggestions: [EXPORT_AS_CSV]},
  ...['\x80\x04', '\x80\x05'].map((magic) => ({
    magic,
    what: 'a Python pickle',
    suggestions: [inPandas('read_pickle')],
  })),
]

/** What a file is, by its first bytes and the names of its parts, if that is no text; and what to do with it. */
export function foreignFormat(head: Buffer): {what: string; suggestions: readonly string[]} | undefined {
  const signature = SIGNATURES.find((one) => hasMagic(head, one))
  if (signature?.parts === undefined) return signature
  const start = head.toString('latin1', 0, HEAD_BYTES)
  return signature.parts.find(({name}) => name.test(start)) ?? signature
}

/** Whether a file begins with a magic number. */
export function hasMagic(
  head: Buffer,
  {magic, at = 0, isText = false}: Pick<Signature, 'magic' | 'at' | 'isText'>,
): boolean {
  const end = at + magic.length
  return head.toString('latin1', at, end) === magic && (!isText || isBinary(head.subarray(end, end + 4)))
}

/** Whether there are bytes that no text has: after their magic, Parquet and the like have a NUL or 0x15 at once. */
function isBinary(bytes: Buffer): boolean {
  return bytes.some((byte) => byte < SPACE && byte !== LF && byte !== CR && byte !== TAB)
}
