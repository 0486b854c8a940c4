// Writes a JSON Schema for what each command prints with --json, derived from the type that its `run` returns, so that
// the two cannot differ.
import {globSync, mkdirSync, writeFileSync} from 'node:fs'
import {join, relative} from 'node:path'
import {openTypes, ts} from './types.js'

/** In JSON a suggestion is text, with its commands rendered. */
const AS_TEXT = new Set(['Advice', 'Suggestion'])

/**
 * Writes one schema per command, and one for errors.
 * @param {string} root
 * @param {string} folder to write them into
 */
export function writeSchemas(root, folder) {
  const {program, generator} = openTypes(root, join(root, 'src', '{commands/**/*,cli/failure}.ts'), {
    expose: 'all',
    topRef: false,
    jsDoc: 'basic',
  })
  mkdirSync(folder)
  const write = (name, title, types) => {
    const schemas = types.map((type) => generator.createSchemaFromNodes([type]))
    const definitions = Object.assign({}, ...schemas.map((schema) => schema.definitions))
    const shapes = schemas.map(({$schema: _dialect, definitions: _definitions, ...shape}) => shape)
    const schema = {
      $schema: schemas[0].$schema,
      title,
      ...(shapes.length === 1 ? shapes[0] : {anyOf: shapes}),
      definitions: Object.fromEntries(
        Object.entries(definitions).map(([key, value]) => [key, AS_TEXT.has(key) ? {type: 'string'} : value]),
      ),
    }
    writeFileSync(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, undefined, 2)}\n`)
  }

  const statements = (file) => [...program.getSourceFile(file).statements]
  const failure = statements(join(root, 'src', 'cli', 'failure.ts')).find(
    (node) => ts.isInterfaceDeclaration(node) && node.name.text === 'FailureOutput',
  )
  write('error', 'What every command prints with --json if it fails', [failure])
  const commands = join(root, 'src', 'commands')
  for (const file of globSync(join(commands, '**', '*.ts'))) {
    const words = relative(commands, file).replace(/\.ts$/, '').split(/[\\/]/)
    const {members} = statements(file).find((node) => ts.isClassDeclaration(node))
    const run = members.find((member) => ts.isMethodDeclaration(member) && member.name.text === 'run')
    const [result] = run.type.typeArguments
    const shown = ts.isUnionTypeNode(result) ? result.types : [result]
    const printed = shown.filter((type) => !isNothing(type))
    if (printed.length === 0) continue
    write(words.join('-'), `What ${['cloud-runner', ...words].join(' ')} prints with --json`, printed)
  }
}

function isNothing({kind}) {
  return kind === ts.SyntaxKind.UndefinedKeyword || kind === ts.SyntaxKind.VoidKeyword
}
