import {anything, dictionary, flag, integer, list, message, text} from './shape.ts'

/**
 * The resources of `serving.knative.dev/v1` and `run.googleapis.com/v1` as Cloud Run accepts them
 * (cloud.google.com/run/docs/reference/rest/v1), strictly: anything else is an unknown field.
 */
const metadata = message({
  name: text,
  namespace: text,
  generateName: text,
  selfLink: text,
  uid: text,
  resourceVersion: text,
  generation: integer,
  creationTimestamp: text,
  deletionTimestamp: text,
  deletionGracePeriodSeconds: integer,
  clusterName: text,
  labels: dictionary,
  annotations: dictionary,
  ownerReferences: list(anything),
  finalizers: list(text),
})

const probe = message({
  initialDelaySeconds: integer,
  timeoutSeconds: integer,
  periodSeconds: integer,
  successThreshold: integer,
  failureThreshold: integer,
  httpGet: message({
    host: text,
    path: text,
    port: integer,
    scheme: text,
    httpHeaders: list(message({name: text, value: text})),
  }),
  tcpSocket: message({host: text, port: integer}),
  grpc: message({port: integer, service: text}),
})

const env = message({
  name: text,
  value: text,
  valueFrom: message({secretKeyRef: message({name: text, key: text})}),
})

const container = message({
  name: text,
  image: text,
  command: list(text),
  args: list(text),
  env: list(env),
  workingDir: text,
  ports: list(message({name: text, containerPort: integer, protocol: text})),
  resources: message({limits: dictionary, requests: dictionary}),
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
  volumeMounts: list(anything),
})

const revisionSpec = message({
  containerConcurrency: integer,
  timeoutSeconds: integer,
  serviceAccountName: text,
  containers: list(container),
  volumes: list(anything),
  enableServiceLinks: flag,
  nodeSelector: dictionary,
  runtimeClassName: text,
})

const trafficTarget = message({
  configurationName: text,
  revisionName: text,
  latestRevision: flag,
  percent: integer,
  tag: text,
  url: text,
})

const template = message({metadata, spec: revisionSpec})

/** A service. Only Cloud Run sets its status; what a client sends there is ignored. */
export const serviceShape = message({
  apiVersion: text,
  kind: text,
  metadata,
  spec: message({template, traffic: list(trafficTarget)}),
  status: anything,
})

const taskSpec = message({
  containers: list(container),
  maxRetries: integer,
  nodeSelector: dictionary,
  serviceAccountName: text,
  timeoutSeconds: integer,
  volumes: list(anything),
})

const executionSpec = message({
  parallelism: integer,
  taskCount: integer,
  template: message({spec: taskSpec}),
})

/** A job. */
export const jobShape = message({
  apiVersion: text,
  kind: text,
  metadata,
  spec: message({
    template: message({metadata, spec: executionSpec}),
    startExecutionToken: text,
    runExecutionToken: text,
  }),
  status: anything,
})

export type KnativeJob = ReturnType<typeof jobShape>
export type KnativeService = ReturnType<typeof serviceShape>
export type KnativeTemplate = ReturnType<typeof template>
export type KnativeContainer = ReturnType<typeof container>
export type KnativeProbe = ReturnType<typeof probe>
export type KnativeTraffic = ReturnType<typeof trafficTarget>
