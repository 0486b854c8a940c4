import {parseServiceName, type Revision, shortName} from '../resources.ts'
import {templateAnnotations} from './annotations.ts'
import {toKnativeCondition} from './conditions.ts'
import {toKnativeRevisionSpec, toResourceVersion} from './service-form.ts'

/**
 * A revision of the Admin API v2 as `serving.knative.dev/v1` shows it.
 * @param serves whether any traffic or tag goes to it
 */
export function toKnativeRevision(revision: Revision, serves: boolean): object {
  const {project = '', location = '', service = ''} = parseServiceName(revision.name) ?? {}
  const name = shortName(revision.name)
  const image = revision.containers?.[0]?.image
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Revision',
    metadata: {
      name,
      namespace: project,
      selfLink: `/apis/serving.knative.dev/v1/namespaces/${project}/revisions/${name}`,
      uid: revision.uid,
      resourceVersion: toResourceVersion(revision.etag),
      generation: 1,
      creationTimestamp: revision.createTime,
      labels: revisionLabels(revision),
      annotations: {
        ...templateAnnotations(revision),
        ...(revision.creator === undefined ? {} : {'serving.knative.dev/creator': revision.creator}),
      },
      ownerReferences: [
        {
          apiVersion: 'serving.knative.dev/v1',
          kind: 'Configuration',
          name: service,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: toKnativeRevisionSpec(revision),
    status: {
      observedGeneration: 1,
      conditions: [
        ...revision.conditions.map(toKnativeCondition),
        {
          type: 'Active',
          status: serves ? 'True' : 'False',
          severity: 'Info',
          lastTransitionTime: revision.updateTime,
          ...(serves ? {} : {reason: 'Retired', message: 'No traffic or tag goes to the revision.'}),
        },
      ],
      serviceName: service,
      ...(image?.includes('@') ? {imageDigest: image} : {}),
    },
  }
  function revisionLabels({labels, generation}: Revision): Record<string, string> {
    return {
      ...labels,
      'serving.knative.dev/configuration': service,
      'serving.knative.dev/configurationGeneration': generation,
      'serving.knative.dev/service': service,
      'cloud.googleapis.com/location': location,
    }
  }
}
