import {Args, Flags} from '@oclif/core'

import {positiveFlag} from '../cli/flags.ts'
import {bytes, counted} from '../cli/format.ts'
import {progressOf} from '../cli/progress.ts'
import {showIgnored, showLeftOut, showUploaded} from '../cli/show-files.ts'
import {showGap} from '../cli/show-pipeline.ts'
import {checkWaitFlags, waitFlags, type Waited, WaitingCommand} from '../cli/wait.ts'
import {ignoredObjects} from '../core/files/filter-warnings.ts'
import {findGap} from '../core/service/connections.ts'
import {MODEL_OPTIONS_HELP, planModelOptions} from '../core/model/options.ts'
import {placeModel, planModel} from '../core/model/plan-model.ts'
import {planUpload, type LeftOut} from '../core/upload/plan.ts'
import {checkDriftBound, upload, type UploadResult} from '../core/upload/upload.ts'

interface Uploaded extends Partial<Waited> {
  readonly uploaded: UploadResult['uploaded']
  readonly failed: UploadResult['failed']
  /** Entries of folders and patterns that were not uploaded, and why. */
  readonly leftOut?: readonly LeftOut[]
  /** Names of objects that the setting `filter` leaves out. */
  readonly ignored?: readonly string[]
  /** Why the pipeline will not process them, if a reason was found. */
  readonly gap?: string
}

export default class Upload extends WaitingCommand {
  static override summary = 'Upload files for the worker to process.'
  static override description = `Files go to the input bucket. Each object is named after its file; files in a folder keep their path, hidden ones are left out, and links to folders are not followed. With --wait, the command ends once every file has a result. Exit codes with --wait: 0 if every file has a result, 3 if one failed permanently, 124 if --timeout expired.`
  static override examples = [
    {
      description: 'Upload and wait for the predictions',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --label-column bankrupt --wait',
    },
    {
      description: 'Score with a model trained earlier',
      command: '<%= config.bin %> <%= command.id %> june.csv --model model.json --wait',
    },
    {
      description: 'The same, unless the columns have drifted from the training data',
      command: '<%= config.bin %> <%= command.id %> june.csv --model model.json --fail-on-drift 0.25 --wait',
    },
    {
      description: 'Set options of the model',
      command: '<%= config.bin %> <%= command.id %> june.csv --set C=0.1 --set exclude=comment,city',
    },
    {
      description: 'All CSV files in a folder',
      command: '<%= config.bin %> <%= command.id %> "reports/*.csv"',
    },
    {
      description: 'From another program, with a name',
      command: 'cat june.csv | <%= config.bin %> <%= command.id %> - --name june.csv',
    },
  ]
  static override args = {
    file: Args.string({
      description: 'a file, a folder, a glob pattern, or - for standard input',
      required: true,
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    name: Flags.string({summary: 'Name of the object; for a single file only.', helpValue: '<object>'}),
    'label-column': Flags.string({summary: 'Column to predict in these files.', helpValue: '<name>'}),
    model: Flags.string({
      summary: 'Score these files with this model (a file or gs://bucket/object) instead of training.',
      helpValue: '<model>',
      exclusive: ['label-column'],
    }),
    set: Flags.string({
      summary: 'Set an option of the model that is trained; lists are delimited by commas (repeatable).',
      description: `The options:\n${MODEL_OPTIONS_HELP}`,
      helpValue: '<option>=<value>',
      multiple: true,
      multipleNonGreedy: true,
      exclusive: ['model'],
    }),
    bins: Flags.string({
      summary: 'Split a label column of numbers at its median into two classes, as --set bins=2.',
      helpValue: '2',
      exclusive: ['model'],
    }),
    'model-options': Flags.string({
      summary: 'Take the options of the model from this JSON file; --set goes before it.',
      helpValue: '<file>',
      exclusive: ['model'],
    }),
    'fail-on-drift': positiveFlag({
      summary:
        'Refuse files of 100 rows or more with a column whose population stability index, against the training data of the model, is this or more.',
      helpValue: '<index>',
      exclusive: ['label-column', 'set', 'bins', 'model-options'],
    }),
    ...waitFlags,
  }

  protected override readonly isChange = true

  override async run(): Promise<Uploaded> {
    const {args, flags} = await this.parse(Upload)
    checkWaitFlags(flags)
    const config = await this.configure(flags)
    const sources = [args.file].flat()
    const settings = [...(flags.set ?? []), ...(flags.bins === undefined ? [] : [`bins=${flags.bins}`])]
    const modelOptions = await planModelOptions({file: flags['model-options'], settings}, process.cwd())
    const leftOut: LeftOut[] = []
    const planned = await planUpload({
      sources,
      name: flags.name,
      cwd: process.cwd(),
      stdin: process.stdin,
      leftOut: (file, reason) => leftOut.push({file, reason}),
    })
    this.explain(showLeftOut(leftOut))
    const model = flags.model === undefined ? undefined : await planModel(flags.model, process.cwd())
    await using target = await this.open(config, {create: false})
    const failOnDrift = flags['fail-on-drift']
    // A worker of one's own may know what to do without one.
    if (failOnDrift !== undefined && model === undefined && config.workerFolder === undefined)
      await checkDriftBound(config.model, target.context())
    const ignored = ignoredObjects(
      planned.map(({object}) => object),
      config.settings,
    )
    this.explain(showIgnored(ignored, config.settings))
    const send = async (step: (text: string) => void): Promise<UploadResult> => {
      const progress = progressOf(step, planned.length)
      return upload(
        planned,
        {
          labelColumn: flags['label-column'],
          modelOptions,
          failOnDrift,
          model: model && (await placeModel(model, target.context(step))),
          uploaded: ({object, sizeBytes}) => progress.finished(`${object}, ${bytes(sizeBytes)}`),
        },
        target.context(progress.step),
      )
    }
    const result = await this.task(
      `Upload ${counted(planned.length, 'file')}`,
      send,
      ({failed}) => failed.length > 0,
    )
    const gap = await findGap(target.context())
    const sent = {
      ...result,
      ...(leftOut.length === 0 ? {} : {leftOut}),
      ...(gap === undefined ? {} : {gap}),
      ...(ignored.length === 0 ? {} : {ignored}),
    }
    this.print(showUploaded(sent, target.context().pipeline.names.inputBucket, this.render))
    if (gap !== undefined && sent.uploaded.length > 0) this.print(showGap(gap, this.render))
    if (sent.failed.length > 0) process.exitCode = 1
    if (!flags.wait || sent.uploaded.length === 0) return sent
    return {...sent, ...(await this.results(sent.uploaded, flags.timeout, target))}
  }
}
