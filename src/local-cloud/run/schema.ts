import type {Schema} from '../state/state.ts'

/**
 * `spec` of a service or job is what its user set, `status` what Cloud Run reports; together they are the resource.
 * An execution is `done` when none of its tasks is running or will run.
 */
export const runSchema: Schema = {
  name: 'run',
  migrations: [
    `CREATE TABLE run_services (
       name TEXT PRIMARY KEY, parent TEXT NOT NULL, spec TEXT NOT NULL, status TEXT NOT NULL, revisions INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
     CREATE TABLE run_revisions (
       name TEXT PRIMARY KEY, service TEXT NOT NULL, parent TEXT NOT NULL, json TEXT NOT NULL, template TEXT NOT NULL, image TEXT, created INTEGER NOT NULL) STRICT;
     CREATE INDEX run_revisions_by_service ON run_revisions (service, created);`,
    `CREATE TABLE run_jobs (
       name TEXT PRIMARY KEY, parent TEXT NOT NULL, spec TEXT NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
     CREATE TABLE run_executions (
       name TEXT PRIMARY KEY, job TEXT NOT NULL, parent TEXT NOT NULL, json TEXT NOT NULL, image TEXT NOT NULL, operation TEXT NOT NULL, done INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
     CREATE INDEX run_executions_by_job ON run_executions (job, created);
     CREATE TABLE run_tasks (
       execution TEXT NOT NULL, idx INTEGER NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL, json TEXT NOT NULL,
       PRIMARY KEY (execution, idx)) STRICT, WITHOUT ROWID;`,
  ],
}
