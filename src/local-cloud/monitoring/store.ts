import type {DatabaseSync} from 'node:sqlite'
import {integer, type Row, storedJson, text} from '../state/rows.ts'
import type {Channel, Policy} from './resources.ts'

/** A condition that is met, until it no longer is. */
export interface Incident {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly started: number
}

export type Collection = 'notificationChannels' | 'alertPolicies'

export type MonitoringStore = ReturnType<typeof createMonitoringStore>

/** The rows of channels, policies and open incidents. Call functions that change them inside `State.write`. */
export function createMonitoringStore(database: DatabaseSync) {
  const sql = {
    find: database.prepare('SELECT name, resource FROM monitoring_resources WHERE name = ?'),
    list: database.prepare(
      'SELECT id, name, resource FROM monitoring_resources WHERE parent = ? AND id > ? ORDER BY id LIMIT ?',
    ),
    all: database.prepare(
      "SELECT name, resource FROM monitoring_resources WHERE parent LIKE '%/alertPolicies' ORDER BY id",
    ),
    insert: database.prepare('INSERT INTO monitoring_resources (name, parent, resource) VALUES (?, ?, ?)'),
    update: database.prepare('UPDATE monitoring_resources SET resource = ? WHERE name = ?'),
    remove: database.prepare('DELETE FROM monitoring_resources WHERE name = ?'),
    incidents: database.prepare('SELECT condition, incident, started FROM monitoring_incidents'),
    open: database.prepare('INSERT OR REPLACE INTO monitoring_incidents VALUES (?, ?, ?)'),
    close: database.prepare('DELETE FROM monitoring_incidents WHERE condition = ?'),
  }
  const channelIn = (row: Row): Channel => storedJson<Channel>(row, 'resource', 'name', 'type')
  const policyIn = (row: Row): Policy => storedJson<Policy>(row, 'resource', 'name')
  const listed = (project: string, collection: Collection, {after, limit}: {after: number; limit: number}) =>
    sql.list.all(`${project}/${collection}`, after, limit)
  return {
    channel(name: string): Channel | undefined {
      const row = sql.find.get(name)
      return row && channelIn(row)
    },
    policy(name: string): Policy | undefined {
      const row = sql.find.get(name)
      return row && policyIn(row)
    },
    /** Those of `projects/P` after the row `after`, in order of creation. */
    channels: (project: string, after: number, limit: number) =>
      listed(project, 'notificationChannels', {after, limit}).map((row) => ({
        key: integer(row, 'id'),
        resource: channelIn(row),
      })),
    policiesOf: (project: string, after: number, limit: number) =>
      listed(project, 'alertPolicies', {after, limit}).map((row) => ({
        key: integer(row, 'id'),
        resource: policyIn(row),
      })),
    /** The policies of every project. */
    policies: () => sql.all.all().map(policyIn),
    insert(resource: Channel | Policy): void {
      sql.insert.run(resource.name, resource.name.replace(/\/[^/]+$/, ''), JSON.stringify(resource))
    },
    update(resource: Channel | Policy): void {
      sql.update.run(JSON.stringify(resource), resource.name)
    },
    remove(name: string): void {
      sql.remove.run(name)
    },
    /** By the name of their condition. */
    incidents: (): Map<string, Incident> =>
      new Map(
        sql.incidents
          .all()
          .map((row) => [
            text(row, 'condition'),
            {id: text(row, 'incident'), started: integer(row, 'started')},
          ]),
      ),
    openIncident(condition: string, {id, started}: Incident): void {
      sql.open.run(condition, id, started)
    },
    closeIncident(condition: string): void {
      sql.close.run(condition)
    },
  }
}
