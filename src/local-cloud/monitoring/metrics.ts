/** What services report to Monitoring, as it happens. Methods never throw. */
export interface MetricSink {
  /**
   * The unacknowledged messages of `projects/P/subscriptions/S`, whenever they change.
   * @param oldest when the oldest was published, in milliseconds since 1970
   */
  backlog(subscription: string, messages: number, oldest: number | undefined): void
  /** A message of `projects/P/subscriptions/S` was acknowledged. */
  acknowledged(subscription: string): void
  /** An execution of `projects/P/locations/R/jobs/J` ended without success. */
  executionFailed(job: string): void
}
