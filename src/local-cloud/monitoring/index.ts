import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import type {LogSink} from '../logging/log-sink.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {RpcService} from '../wire/rpc.ts'
import {createChannelMethods} from './channels.ts'
import {createIncidents} from './incidents.ts'
import type {MetricSink} from './metrics.ts'
import {createNotifications} from './notifications.ts'
import {createPolicyMethods} from './policies.ts'
import {createMonitoringStore} from './store.ts'

export {monitoringSchema} from './schema.ts'

export interface Monitoring extends AsyncDisposable {
  readonly services: readonly RpcService[]
  /** Where the other services of the local cloud report what conditions are about. */
  readonly metrics: MetricSink
}

/** Cloud Monitoring: alert policies, notification channels, and the webhooks; README.md says what is served. */
export function createMonitoring({
  state,
  clock,
  access,
  agents,
  log,
}: {
  state: State
  clock: Clock
  access: AccessControl
  agents: Pick<ServiceAgents, 'projectNumber'>
  log: LogSink
}): Monitoring {
  const store = createMonitoringStore(state.database)
  const notifications = createNotifications({clock, store, agents, log})
  const incidents = createIncidents({state, clock, store, notify: (report) => notifications.send(report)})
  const methods = {state, clock, access, store}
  return {
    services: [
      {
        service: 'google.monitoring.v3.AlertPolicyService',
        unary: createPolicyMethods(methods, () => incidents.refresh()),
      },
      {service: 'google.monitoring.v3.NotificationChannelService', unary: createChannelMethods(methods)},
    ],
    metrics: incidents.metrics,
    async [Symbol.asyncDispose]() {
      incidents[Symbol.dispose]()
      await notifications[Symbol.asyncDispose]()
    },
  }
}
