import type {Schema} from '../state/state.ts'

/** Projects that were created, changed or deleted; all others have the initial state. */
export const projectsSchema: Schema = {
  name: 'projects',
  migrations: ['CREATE TABLE projects (number TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT'],
}

/** What was turned on or off, by project; the rest is as it was from the beginning. */
export const serviceUsageSchema: Schema = {
  name: 'service-usage',
  migrations: [
    'CREATE TABLE service_usage (project TEXT NOT NULL, service TEXT NOT NULL, enabled INTEGER NOT NULL, PRIMARY KEY (project, service)) STRICT',
  ],
}
