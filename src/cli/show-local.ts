import {ago, counted, duration, widthOf} from './format.ts'
import {clockAheadMs, type LocalCloudStatus} from './targets.ts'
import {pairs, table} from './table.ts'

/** A running local cloud, and what runs in it. @param now milliseconds since the epoch */
export function showLocalCloud(running: LocalCloudStatus, now: number): string[] {
  const aheadMs = clockAheadMs(running, now)
  return [
    ...showParts(running, now + aheadMs, aheadMs),
    ...showDenials(running, now + aheadMs),
    ...showOutsideCalls(running.outsideCalls, now + aheadMs),
  ]
}

function showParts(running: LocalCloudStatus, now: number, aheadMs: number): string[] {
  return [
    ...pairs([
      {label: 'endpoint', value: running.endpoint},
      {label: 'proxy', value: running.proxy},
      {label: 'process', value: `${running.pid}, started ${ago(running.startedAt, now - aheadMs)}`},
      {label: 'state', value: running.stateFolder},
      ...(aheadMs > 0 ? [{label: 'clock', value: `${running.time}, ${duration(aheadMs)} ahead`}] : []),
      {label: 'instances', value: counted(running.instances.length, 'instance')},
      ...(running.iam === 'enforce' ? [] : [{label: 'iam', value: running.iam}]),
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
  ]
}

/** Denials shown; `--json` has them all. */
const SHOWN_DENIALS = 10

/** Who lacked which permission, and the role that grants it. */
function showDenials({iam, denials}: LocalCloudStatus, now: number): string[] {
  if (denials.length === 0) return []
  return [
    '',
    iam === 'enforce' ? 'Denied because a grant is missing:' : 'Missing grants:',
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
function showOutsideCalls(calls: LocalCloudStatus['outsideCalls'], now: number): string[] {
  if (calls.length === 0) return []
  const hosts = [...Map.groupBy(calls, ({host}) => host)]
  return [
    '',
    'Requests refused because they would have left this machine:',
    ...table(
      [{heading: 'host'}, {heading: 'calls', right: true}, {heading: 'last'}],
      hosts.map(([host, those]) => [host, String(those.length), ago(those[0]?.time ?? '', now)]),
      widthOf(process.stdout),
    ),
  ]
}
