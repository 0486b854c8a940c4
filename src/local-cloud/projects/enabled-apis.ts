import type {ServiceAgents} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import {APIS_OF_A_NEW_PROJECT, SERVED_APIS} from './google-apis.ts'
import type {Projects} from './projects.ts'

/** Which APIs a project has turned on, by names such as `run.googleapis.com`. */
export interface EnabledApis {
  in(project: string): ReadonlySet<string>
  turn(project: string, names: readonly string[], enabled: boolean): Promise<void>
}

export function createEnabledApis({
  state,
  agents,
  projects,
}: {
  state: State
  agents: Pick<ServiceAgents, 'projectNumber'>
  projects: Pick<Projects, 'get'>
}): EnabledApis {
  const select = state.database.prepare('SELECT service, enabled FROM service_usage WHERE project = ?')
  const replace = state.database.prepare(
    'INSERT INTO service_usage (project, service, enabled) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET enabled = ?3',
  )
  return {
    // By the project's number, so that its id means the same.
    in(project) {
      const enabled = new Set(projects.get(project).wasCreated ? APIS_OF_A_NEW_PROJECT : SERVED_APIS)
      for (const row of select.all(agents.projectNumber(project))) {
        if (row['enabled'] === 1) enabled.add(String(row['service']))
        else enabled.delete(String(row['service']))
      }
      return enabled
    },
    turn: (project, names, enabled) =>
      state.write(() => {
        for (const name of names) replace.run(agents.projectNumber(project), name, enabled ? 1 : 0)
      }),
  }
}
