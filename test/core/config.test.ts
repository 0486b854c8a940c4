import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {configSchema} from '../../src/core/config-schema.ts'
import {readChoices, readConfig, type ConfigInput} from '../../src/core/config.ts'
import {AppError} from '../../src/core/errors.ts'
import {SETTINGS} from '../../src/core/settings/settings.ts'
import {fullName} from '../../src/core/config-sections.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const BASE: Omit<ConfigInput, 'cwd'> = {environment: {}, flags: {}, cores: 3}

async function folderWith(config: unknown): Promise<string> {
  const folder = await temporaryFolder()
  await writeFile(
    join(folder, 'cloud-runner.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  )
  return folder
}

async function refusal(input: Partial<ConfigInput> & {cwd: string}): Promise<AppError> {
  const error: unknown = await readConfig({...BASE, ...input}).catch((caught: unknown) => caught)
  if (!(error instanceof AppError)) throw new Error('was not refused with an AppError')
  return error
}

describe('the source of a value', () => {
  test('without a file: the defaults, the local project, one instance a core', async () => {
    const cwd = await temporaryFolder()
    const {settings, sources, file, folder, stateFolder, workerFolder} = await readConfig({...BASE, cwd})
    expect(settings).toMatchObject({
      target: 'local',
      name: 'cloud-runner',
      project: 'cloud-runner-local',
      region: 'europe-west3',
      concurrency: 1,
      maxInstances: 3,
      requestTimeout: 540,
      ackDeadline: 600,
      messageRetention: 604_800,
    })
    expect(sources.region).toEqual({kind: 'default', place: 'default'})
    expect({file, folder, stateFolder, workerFolder}).toEqual({
      file: undefined,
      folder: cwd,
      stateFolder: join(cwd, '.cloud-runner'),
      workerFolder: undefined,
    })
  })

  test('a flag beats the environment, which beats the file, and each knows its source', async () => {
    const cwd = await folderWith({region: 'us-east1', name: 'from-file', labelColumn: 'file'})
    const {settings, sources} = await readConfig({
      cwd,
      cores: 1,
      environment: {CLOUD_RUNNER_NAME: 'from-environment', CLOUD_RUNNER_LABEL_COLUMN: 'environment'},
      flags: {labelColumn: 'flag'},
    })
    expect(settings).toMatchObject({region: 'us-east1', name: 'from-environment', labelColumn: 'flag'})
    expect(sources).toMatchObject({
      region: {kind: 'file', place: join(cwd, 'cloud-runner.json')},
      name: {kind: 'environment', place: 'CLOUD_RUNNER_NAME'},
      labelColumn: {kind: 'flag', place: '--label-column'},
    })
  })

  test('the file is found from a folder below', async () => {
    const top = await folderWith({name: 'above', worker: './mine'})
    const cwd = join(top, 'deep', 'deeper')
    await mkdir(cwd, {recursive: true})
    const config = await readConfig({...BASE, cwd})
    expect(config.folder).toBe(top)
    expect(config.settings.name).toBe('above')
    expect(config.workerFolder).toBe(join(top, 'mine'))
  })

  test('a worker passed as a flag is relative to the current folder', async () => {
    const top = await folderWith({worker: './mine'})
    const cwd = join(top, 'sub')
    await mkdir(cwd)
    const {workerFolder} = await readConfig({...BASE, cwd, flags: {worker: 'other'}})
    expect(workerFolder).toBe(join(cwd, 'other'))
  })

  test('a project without a target means gcp, and says why; with the target local it stays local', async () => {
    const cwd = await temporaryFolder()
    const implied = await readConfig({...BASE, cwd, flags: {project: 'my-project'}})
    expect(implied.settings).toMatchObject({target: 'gcp', maxInstances: 10})
    expect(implied.sources.target).toEqual({kind: 'implied', place: '--project'})
    const local = await readConfig({...BASE, cwd, flags: {project: 'my-project', target: 'local'}})
    expect(local.settings).toMatchObject({target: 'local', project: 'my-project'})
  })
})

describe('wrong values', () => {
  test('in the file: file, value, rule and what to type', async () => {
    const cwd = await folderWith({concurrency: 0})
    const error = await refusal({cwd})
    expect(error).toMatchObject({code: 'config-invalid', exitCode: 2, oclif: {exit: 2}})
    expect(error.message).toBe(
      `"concurrency" in ${join(cwd, 'cloud-runner.json')} is 0; it must be a whole number from 1 to 1000.`,
    )
    expect(error.suggestions).toEqual(['For example: "concurrency": 1'])
  })

  test.each([
    [{maxInstances: 'many'}, '"maxInstances": 10'],
    [{cpu: 3}, '"cpu": "1"'],
  ])('what to write instead of %j is a number where one is needed', async (file, example) => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'cloud-runner.json'), JSON.stringify(file))
    expect((await refusal({cwd})).suggestions).toEqual([`For example: ${example}`])
  })

  test('in the environment and as a flag they are named as they were typed', async () => {
    const cwd = await temporaryFolder()
    const fromEnvironment = await refusal({cwd, environment: {CLOUD_RUNNER_ACK_DEADLINE: '601s'}})
    expect(fromEnvironment.message).toContain(
      'CLOUD_RUNNER_ACK_DEADLINE is "601s"; it must be a duration from 10s to 600s',
    )
    const fromFlag = await refusal({cwd, flags: {target: 'aws'}})
    expect(fromFlag.message).toBe('--target is "aws"; it must be local or gcp.')
  })

  test.each([
    ['an unknown field', {colour: 'red'}, 'has an unknown field "colour"'],
    ['too many tasks', {jobTasks: 101}, 'must be a whole number from 1 to 100'],
    ['a list', [1], 'must contain a JSON object'],
    ['no JSON', '{"name": ', 'is not JSON'],
    ['a boolean name', {name: true}, '"name" in'],
    ['a name that is too long for a service account', {name: 'a'.repeat(24)}, 'must be 2 to 23'],
    ['a duration without a unit', {ackDeadline: '600'}, 'must be a duration'],
    [
      'a timeout not below the deadline',
      {requestTimeout: '300s', ackDeadline: '300s'},
      'must be below ackDeadline',
    ],
    [
      'a backoff upside down',
      {minimumBackoff: '20s', maximumBackoff: '10s'},
      'must not be above maximumBackoff',
    ],
    [
      'memory that a job may not have',
      {memory: '256Mi'},
      'must be between 512Mi and 4Gi with cpu 1 (default): Cloud Run offers no other',
    ],
    ['CPUs that need more memory than the default', {cpu: '4'}, 'must be between 2Gi and 16Gi with cpu 4'],
    ['memory that needs more CPUs', {cpu: '6', memory: '25Gi'}, 'must be between 4Gi and 24Gi with cpu 6'],
    ['a model in no bucket', {model: 'gs:///model.json'}, 'must be the name of a file, or gs://'],
    ['a bucket without a model', {model: 'gs://bucket/'}, 'must be the name of a file, or gs://'],
    ['gcp without a project', {target: 'gcp'}, 'needs a project'],
  ])('%s', async (_, config, message) => {
    const error = await refusal({cwd: await folderWith(config)})
    expect(error.message).toContain(message)
    expect(error.exitCode).toBe(2)
    expect(error.suggestions).not.toEqual([])
  })

  test('a misspelled field gets the right spelling suggested', async () => {
    const error = await refusal({cwd: await folderWith({'label-column': 'x'})})
    expect(error.suggestions).toEqual(['Did you mean "labelColumn"?'])
  })
})

test('a model is a file, relative to where it is named, or an object', async () => {
  const cwd = await folderWith({model: './a/model.json', worker: 'w'})
  const from = {...BASE, cwd: join(cwd, 'below'), environment: {}}
  await mkdir(from.cwd)
  expect(await readConfig(from)).toMatchObject({
    model: join(cwd, 'a/model.json'),
    workerFolder: join(cwd, 'w'),
  })
  expect((await readConfig({...from, flags: {model: 'm.json'}})).model).toBe(join(from.cwd, 'm.json'))
  expect((await readConfig({...from, flags: {model: 'gs://b/m.json'}})).model).toBe('gs://b/m.json')
})

test('the schema describes every setting and nothing else', () => {
  expect(configSchema()).toMatchObject({additionalProperties: false})
  const schema = JSON.parse(JSON.stringify(configSchema()))
  expect(Object.keys(schema.properties).toSorted()).toEqual(
    ['$schema', ...Object.keys(SETTINGS), 'pipelines', 'environments'].toSorted(),
  )
  const entry = schema.properties.pipelines.additionalProperties
  expect(entry).toMatchObject({additionalProperties: false})
  const environment = schema.properties.environments.additionalProperties
  expect(environment).toMatchObject({
    additionalProperties: false,
    properties: {protected: {type: 'boolean'}, pipelines: schema.properties.pipelines, ...entry.properties},
  })
  expect(Object.keys(entry.properties)).toEqual(Object.keys(SETTINGS).filter((name) => name !== 'name'))
})

test('each setting accepts its own example and its own default', () => {
  for (const [name, row] of Object.entries(SETTINGS)) {
    expect({[name]: row.parse(row.example)}).not.toEqual({[name]: undefined})
  }
})

describe('settings of single pipelines', () => {
  const FILE = {
    worker: './mine',
    labelColumn: 'y',
    pipelines: {thumbs: {worker: './thumbs', project: 'my-project-123'}},
  }

  test('lie over those of the file, below environment and flags, and hold for that pipeline alone', async () => {
    const cwd = await folderWith(FILE)
    const own = await readConfig({...BASE, cwd})
    expect(own.settings).toMatchObject({name: 'cloud-runner', worker: './mine', target: 'local'})
    expect(own.place).toEqual({})
    const flags = {name: 'thumbs'}
    const thumbs = await readConfig({...BASE, cwd, flags})
    expect(thumbs).toMatchObject({
      place: {pipeline: 'thumbs'},
      workerFolder: join(cwd, 'thumbs'),
      settings: {name: 'thumbs', labelColumn: 'y', target: 'gcp', project: 'my-project-123'},
      sources: {worker: {kind: 'file', place: `"pipelines.thumbs" of ${join(cwd, 'cloud-runner.json')}`}},
    })
    const environment = {CLOUD_RUNNER_NAME: 'thumbs', CLOUD_RUNNER_WORKER: 'w'}
    expect((await readConfig({...BASE, cwd, environment})).settings).toMatchObject({
      name: 'thumbs',
      worker: 'w',
    })
    expect((await readConfig({...BASE, cwd, environment, flags: {worker: 'f'}})).settings.worker).toBe('f')
  })

  test('another pipeline than that of the file, or of the folder, has an entry of its own', async () => {
    const flags = {name: 'other'}
    const entryIn = async (cwd: string) => (await readConfig({...BASE, cwd, flags})).place.pipeline
    expect(await entryIn(await folderWith(FILE))).toBe('other')
    expect(await entryIn(await folderWith({name: 'other'}))).toBe(undefined)
    const cwd = await temporaryFolder()
    expect(await entryIn(cwd)).toBe(undefined)
    await mkdir(join(cwd, '.cloud-runner'))
    expect(await entryIn(cwd)).toBe('other')
  })

  test.each([
    [5, '"pipelines" in', 'must be a JSON object'],
    [{thumbs: []}, '"pipelines.thumbs" in', 'must be a JSON object'],
    [{'Bad!': {}}, '"pipelines.Bad!" of', 'is not the name of a pipeline'],
    [{thumbs: {name: 'thumbs'}}, '"pipelines.thumbs" of', 'has an unknown field "name"'],
    [{thumbs: {labelcolumn: 'y'}}, '"pipelines.thumbs" of', 'has an unknown field "labelcolumn"'],
  ])('%j is refused, with its place', async (pipelines, ...words) => {
    const {message, code} = await refusal({cwd: await folderWith({pipelines})})
    expect(code).toBe('config-invalid')
    for (const word of words) expect(message).toContain(word)
  })
})

test('the setting environment has the model options, but no variable that the pipeline sets', async () => {
  const environment = {MODEL_OPTIONS: '{"C": 0.1}'}
  const {settings} = await readConfig({...BASE, cwd: await folderWith({environment})})
  expect(settings.environment).toEqual(environment)
  const {message} = await refusal({cwd: await folderWith({environment: {LABEL_COLUMN: 'y'}})})
  expect(message).toContain('LABEL_COLUMN')
})

describe('environments', () => {
  const FILE = {
    worker: './mine',
    labels: {team: 'risk'},
    state: 'gs://states/here',
    pipelines: {thumbs: {worker: './thumbs', concurrency: 2}},
    environments: {
      staging: {concurrency: 3, labels: {stage: 's'}, pipelines: {thumbs: {concurrency: 4}}},
      production: {protected: true, project: 'my-project-123'},
    },
  }
  const config = async (flags: ConfigInput['flags'], env?: string) =>
    readConfig({...BASE, cwd: await folderWith(FILE), flags, env})

  test('lie over the pipeline’s entry, below variables and flags; the names of resources have both parts', async () => {
    const own = await config({}, 'staging')
    expect(own).toMatchObject({
      choice: {pipeline: 'cloud-runner', env: 'staging'},
      isProtected: false,
      settings: {
        name: 'cloud-runner-staging',
        worker: './mine',
        concurrency: 3,
        labels: {team: 'risk', stage: 's'},
        target: 'local',
      },
    })
    expect(own.sources.concurrency.place).toMatch(/^"environments.staging" of /)
    const thumbs = await config({name: 'thumbs'}, 'staging')
    expect(thumbs.settings).toMatchObject({name: 'thumbs-staging', worker: './thumbs', concurrency: 4})
    expect(thumbs.sources.concurrency.place).toMatch(/^"environments.staging.pipelines.thumbs" of /)
    expect(await config({name: 'thumbs', concurrency: 5}, 'production')).toMatchObject({
      isProtected: true,
      settings: {name: 'thumbs-production', concurrency: 5, target: 'gcp', project: 'my-project-123'},
    })
    const environment = {CLOUD_RUNNER_ENV: 'production', CLOUD_RUNNER_CONCURRENCY: '6'}
    const cwd = await folderWith(FILE)
    expect((await readConfig({...BASE, cwd, environment})).settings).toMatchObject({
      name: 'cloud-runner-production',
      concurrency: 6,
    })
    expect((await readConfig({...BASE, cwd, environment, env: 'none'})).settings.name).toBe('cloud-runner')
  })

  test('each pipeline has a Terraform state of its own in each of them', async () => {
    const state = async (name: string | undefined, env?: string) => (await config({name}, env)).settings.state
    expect(await state(undefined)).toBe('gs://states/here')
    expect(await state('thumbs')).toBe('gs://states/here/thumbs')
    expect(await state(undefined, 'staging')).toBe('gs://states/here/cloud-runner-staging')
    expect(await state('thumbs', 'production')).toBe('gs://states/here/thumbs-production')
  })

  test('what is open without a choice: each environment of the file’s own pipeline, else of all', async () => {
    const open = async (file: object, flags: ConfigInput['flags'] = {}, env?: string) =>
      (await readChoices({cwd: await folderWith(file), environment: {}, flags, env}, {isNew: false})).map(
        fullName,
      )
    const {environments, pipelines} = FILE
    expect(await open({})).toEqual(['cloud-runner'])
    expect(await open({worker: './w', pipelines})).toEqual(['cloud-runner'])
    expect(await open(FILE)).toEqual(['cloud-runner-staging', 'cloud-runner-production'])
    expect(await open({pipelines: {aa: {}, bb: {}}, environments}, {}, 'staging')).toEqual([
      'aa-staging',
      'bb-staging',
    ])
    expect(await open({pipelines: {aa: {}, bb: {}}, environments})).toHaveLength(4)
    expect(await open({pipelines: {aa: {}, bb: {}}, environments: {one: {}}}, {name: 'bb'})).toEqual([
      'bb-one',
    ])
    expect(await open(FILE, {}, 'none')).toEqual(['cloud-runner'])
  })

  test('a pipeline or environment that the file does not declare: the nearest one', async () => {
    const open = async (flags: ConfigInput['flags'], env?: string, isNew = false) =>
      readChoices({cwd: await folderWith(FILE), environment: {}, flags, env}, {isNew})
    await expect(open({name: 'thumb'})).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('declares no pipeline "thumb"; it has cloud-runner, thumbs.'),
      suggestions: ['Did you mean --pipeline thumbs?', 'Or create it: cloud-runner setup --pipeline thumb'],
    })
    expect(await open({name: 'thumb'}, 'staging', true)).toEqual([{pipeline: 'thumb', env: 'staging'}])
    await expect(open({}, 'prodution', true)).rejects.toMatchObject({
      exitCode: 2,
      suggestions: ['Did you mean --env production?'],
    })
  })

  test.each([
    [{environments: 5}, '"environments" in', 'must be a JSON object'],
    [{environments: {'Bad!': {}}}, '"environments.Bad!" of', 'is not the name of an environment'],
    [{environments: {none: {}}}, '"environments.none" of', 'and not none'],
    [{environments: {production: {name: 'x'}}}, '"environments.production" of', 'unknown field "name"'],
    [
      {environments: {production: {environments: {}}}},
      '"environments.production" of',
      'unknown field "environments"',
    ],
    [{environments: {a: {protected: 'yes'}}}, '"protected" in "environments.a"', 'must be true or false'],
    [
      {environments: {aa: {pipelines: {bb: {colour: 1}}}, production: {}}},
      '"environments.aa.pipelines.bb" of',
      '"colour"',
    ],
    [{protected: true}, 'cannot be protected', 'only an environment'],
    [{pipelines: {aa: {protected: true}}}, '"pipelines.aa" of', 'only an environment'],
    [
      {name: 'invoices-of-the-world', environments: {production: {}}},
      'Pipeline "invoices-of-the-world" in environment "production"',
      'invoices-of-the-world-production (32 characters)',
    ],
    [
      {worker: 'w', name: 'aa', pipelines: {'aa-production': {}}, environments: {production: {}}},
      'same resources',
    ],
    [
      {outputBucket: 'results', environments: {production: {}, staging: {}}},
      'outputBucket is results in environment "production" and in environment "staging"',
    ],
  ])('%j is refused, with its place', async (file, ...words) => {
    const {message, exitCode} = await refusal({
      cwd: await folderWith(file),
      ...('environments' in file ? {environment: {CLOUD_RUNNER_ENV: 'production'}} : {}),
    })
    expect(exitCode).toBe(2)
    for (const word of words) expect(message).toContain(word)
  })

  test('an unknown field near a known one gets its name', async () => {
    const cwd = await folderWith({enviroments: {}})
    expect((await refusal({cwd})).suggestions).toEqual(['Did you mean "environments"?'])
  })
})
