import type {MetricSink} from '../../src/local-cloud/monitoring/metrics.ts'

/** For services that run without Monitoring. */
export const NO_METRICS: MetricSink = {
  backlog: () => undefined,
  acknowledged: () => undefined,
  executionFailed: () => undefined,
}
