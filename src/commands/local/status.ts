import {CloudRunnerCommand} from '../../cli/base.ts'
import {ago, counted, widthOf} from '../../cli/format.ts'
import {localCloudOf, type LocalCloudStatus} from '../../cli/open.ts'
import {pairs, table} from '../../cli/table.ts'

type Answer =
  | {readonly running: false; readonly stateFolder: string}
  | ({readonly running: true} & LocalCloudStatus)

export default class LocalStatus extends CloudRunnerCommand {
  static override summary = 'Show whether the local cloud is running, and what runs in it.'
  static override examples = [
    {description: 'Where it is running', command: '<%= config.bin %> <%= command.id %>'},
    {description: 'Its endpoint, for other tools', command: '<%= config.bin %> <%= command.id %> --json'},
  ]

  override async run(): Promise<Answer> {
    const {flags} = await this.parse(LocalStatus)
    const local = localCloudOf(await this.configureFolder({...flags, target: 'local'}))
    const {folder} = local
    const running = await local.status()
    if (!running) {
      this.print([
        'The local cloud is not running.',
        `State: ${folder}`,
        'Start it: cloud-runner local start',
      ])
      return {running: false, stateFolder: folder}
    }
    const now = Date.now()
    this.print([
      ...pairs([
        {label: 'endpoint', value: running.endpoint},
        {label: 'proxy', value: running.proxy},
        {label: 'process', value: `${running.pid}, started ${ago(running.startedAt, now)}`},
        {label: 'state', value: folder},
        {label: 'instances', value: counted(running.instances.length, 'instance')},
        ...(running.faults > 0 ? [{label: 'faults', value: `${running.faults} still to be injected`}] : []),
      ]),
      ...table(
        [
          {heading: 'revision'},
          {heading: 'process', right: true},
          {heading: 'port', right: true},
          {heading: 'busy', right: true},
          {heading: 'started'},
        ],
        running.instances.map(({revision, pid, port, busy, startedAt}) => [
          revision,
          String(pid),
          String(port),
          String(busy),
          ago(startedAt, now),
        ]),
        widthOf(process.stdout),
      ),
      ...denialsShown(running.denials, now),
      ...outsideCallsShown(running.outsideCalls, now),
    ])
    return {running: true, ...running}
  }
}

/** Denials shown; `--json` has them all. */
const SHOWN_DENIALS = 10

/** Who lacked which permission, and the role that grants it. */
function denialsShown(denials: LocalCloudStatus['denials'], now: number): string[] {
  if (denials.length === 0) return []
  return [
    '',
    'Denied for lack of a grant:',
    ...denials
      .slice(0, SHOWN_DENIALS)
      .flatMap(({time, principal, permission, resource, role, count}) => [
        `${principal} lacks ${permission} on ${resource} (${counted(count, 'time')}, last ${ago(time, now)})`,
        ...(role === '' ? [] : [`  grant ${role} on it`]),
      ]),
    ...(denials.length > SHOWN_DENIALS ? [`and ${denials.length - SHOWN_DENIALS} more: --json`] : []),
  ]
}

/** Calls of tools to other hosts, one host per line. */
function outsideCallsShown(calls: LocalCloudStatus['outsideCalls'], now: number): string[] {
  if (calls.length === 0) return []
  const hosts = [...Map.groupBy(calls, ({host}) => host)]
  return [
    '',
    'Refused, because it would have left this machine:',
    ...table(
      [{heading: 'host'}, {heading: 'calls', right: true}, {heading: 'last'}],
      hosts.map(([host, those]) => [host, String(those.length), ago(those[0]?.time ?? '', now)]),
      widthOf(process.stdout),
    ),
  ]
}
