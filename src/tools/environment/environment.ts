import {GOOGLE_PRODUCTS} from './google-products.ts'
import {authoritiesFile, credentialsFile, trustStoreFile} from './trust-files.ts'

/** A local cloud to point tools at. */
export interface LocalCloudOrigins {
  /** Serves every API, e.g. `http://127.0.0.1:24510`. */
  readonly endpoint: string
  /** Its forward proxy, which blocks everything that would leave the machine. */
  readonly proxy: string
  /** Serves every API over TLS, with the certificate in a file: gsutil supports nothing else. */
  readonly tls: {readonly endpoint: string; readonly certificate: string}
  /** Absolute folder for tools that keep their own files. */
  readonly folder: string
  readonly project: string
  readonly region: string
}

/** Variables that a tool's environment must have, and must not have. */
export interface Environment {
  readonly set: Readonly<Record<string, string>>
  readonly unset: readonly string[]
}

/** Stands in for credentials, which the local cloud does not check; any text works. */
const TOKEN = 'local'

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/**
 * Terraform with the google provider and the gcs backend. Without the proxies the provider would ask Google once whose
 * token it is, and wait for minutes if nothing answers.
 */
export function terraformEnvironment({
  endpoint,
  project,
  region,
}: Pick<LocalCloudOrigins, 'endpoint' | 'project' | 'region'>): Environment {
  const endpoints = Object.entries(GOOGLE_PRODUCTS).flatMap(([path, products]) =>
    products.map((product) => [`GOOGLE_${product}_CUSTOM_ENDPOINT`, `${endpoint}/${path}`]),
  )
  return {
    set: {
      GOOGLE_OAUTH_ACCESS_TOKEN: TOKEN,
      GOOGLE_PROJECT: project,
      GOOGLE_REGION: region,
      ...Object.fromEntries(endpoints),
      // This API has the region only in its host; the provider fills it in, and the forward proxy serves it.
      GOOGLE_CLOUD_RUN_CUSTOM_ENDPOINT: 'http://{{location}}-run.googleapis.com/',
      GOOGLE_BACKEND_STORAGE_CUSTOM_ENDPOINT: `${endpoint}/storage/v1/`,
      // HashiCorp's check for newer versions.
      CHECKPOINT_DISABLE: '1',
    },
    unset: [
      'GOOGLE_APPLICATION_CREDENTIALS',
      'GOOGLE_BACKEND_CREDENTIALS',
      'GOOGLE_BACKEND_IMPERSONATE_SERVICE_ACCOUNT',
      'GOOGLE_BILLING_PROJECT',
      'GOOGLE_CLOUD_KEYFILE_JSON',
      'GOOGLE_CLOUD_QUOTA_PROJECT',
      'GOOGLE_CREDENTIALS',
      'GOOGLE_IMPERSONATE_SERVICE_ACCOUNT',
      'GCLOUD_KEYFILE_JSON',
      'USER_PROJECT_OVERRIDE',
    ],
  }
}

/** Google's client libraries for Cloud Storage and Pub/Sub, in any language, with no metadata server lookup. */
export function libraryEnvironment({endpoint, project}: LocalCloudOrigins): Environment {
  return {
    set: {
      STORAGE_EMULATOR_HOST: endpoint,
      // The client for C++, which pyarrow has.
      CLOUD_STORAGE_EMULATOR_ENDPOINT: endpoint,
      PUBSUB_EMULATOR_HOST: new URL(endpoint).host,
      PUBSUB_PROJECT_ID: project,
      GOOGLE_CLOUD_PROJECT: project,
      GCLOUD_PROJECT: project,
      METADATA_SERVER_DETECTION: 'none',
      NO_GCE_CHECK: 'true',
      // Otherwise gcsfs asks for a bucket's kind over gRPC, which Cloud Storage does not have here, and waits a minute.
      GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT: 'false',
    },
    unset: ['GOOGLE_APPLICATION_CREDENTIALS'],
  }
}

/** gcloud: everything by its usual host names, through the forward proxy. */
export function gcloudEnvironment({proxy, tls, project, region, folder}: LocalCloudOrigins): Environment {
  const {hostname, port} = new URL(proxy)
  return {
    set: {
      CLOUDSDK_CONFIG: `${folder}/gcloud`,
      CLOUDSDK_CORE_PROJECT: project,
      CLOUDSDK_RUN_REGION: region,
      CLOUDSDK_COMPUTE_REGION: region,
      CLOUDSDK_ARTIFACTS_LOCATION: region,
      CLOUDSDK_CORE_CHECK_GCE_METADATA: 'false',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
      CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API: 'false',
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: 'true',
      CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE: credentialsFile(folder),
      CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE: tls.certificate,
      CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL: 'false',
      CLOUDSDK_PROXY_TYPE: 'http',
      CLOUDSDK_PROXY_ADDRESS: hostname,
      CLOUDSDK_PROXY_PORT: port,
    },
    unset: [
      'CLOUDSDK_ACTIVE_CONFIG_NAME',
      'CLOUDSDK_AUTH_ACCESS_TOKEN_FILE',
      'CLOUDSDK_AUTH_DISABLE_CREDENTIALS',
      'CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT',
      'CLOUDSDK_BILLING_QUOTA_PROJECT',
      'CLOUDSDK_CORE_ACCOUNT',
      'CLOUDSDK_CORE_REQUEST_REASON',
    ],
  }
}

/** gsutil: the path of its settings, see `writeBotoFile`. */
export function gsutilEnvironment({folder}: Pick<LocalCloudOrigins, 'folder'>): Environment {
  return {set: {BOTO_CONFIG: `${folder}/gsutil.boto`}, unset: ['BOTO_PATH']}
}

/**
 * The proxy variables that programs honor: calls that would leave the machine go to the local cloud, which refuses and
 * records them.
 * @param allowed hosts that are reached directly
 */
export function proxyEnvironment(
  {proxy}: Pick<LocalCloudOrigins, 'proxy'>,
  allowed: readonly string[],
): Environment {
  const direct = [...LOOPBACK, ...allowed].join(',')
  return {
    set: {
      HTTP_PROXY: proxy,
      HTTPS_PROXY: proxy,
      NO_PROXY: direct,
      http_proxy: proxy,
      https_proxy: proxy,
      no_proxy: direct,
    },
    unset: ['ALL_PROXY', 'all_proxy', 'grpc_proxy', 'no_grpc_proxy'],
  }
}

/**
 * Programs that know nothing of a local cloud: Google's own hosts, which the forward proxy leads to the local cloud; its
 * authority besides the usual ones, and credentials of its owner.
 */
export function hostEnvironment(
  {proxy, tls, project, folder}: LocalCloudOrigins,
  allowed: readonly string[],
): Environment {
  const {hostname, port} = new URL(proxy)
  const bundle = authoritiesFile(folder)
  const java = {
    'https.proxyHost': hostname,
    'https.proxyPort': port,
    'http.nonProxyHosts': [...LOOPBACK, ...allowed].join('|'),
    'javax.net.ssl.trustStore': trustStoreFile(folder),
  }
  return {
    set: {
      GOOGLE_APPLICATION_CREDENTIALS: credentialsFile(folder),
      SSL_CERT_FILE: bundle,
      REQUESTS_CA_BUNDLE: bundle,
      CURL_CA_BUNDLE: bundle,
      // boto3.
      AWS_CA_BUNDLE: bundle,
      // rclone neither creates nor lists buckets without it; it wins over the one in its settings.
      RCLONE_GCS_PROJECT_NUMBER: project,
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: bundle,
      NODE_EXTRA_CA_CERTS: tls.certificate,
      // Node reads HTTP_PROXY and HTTPS_PROXY only then.
      NODE_USE_ENV_PROXY: '1',
      JAVA_TOOL_OPTIONS: Object.entries(java)
        .map(([name, value]) => `-D${name}=${value}`)
        .map((option) => (/\s/.test(option) ? `"${option}"` : option))
        .join(' '),
    },
    unset: ['SSL_CERT_DIR'],
  }
}

/** The variables of all tools together; they do not conflict. */
export function environmentOf(origins: LocalCloudOrigins, allowed: readonly string[] = []): Environment {
  const parts = [
    terraformEnvironment(origins),
    libraryEnvironment(origins),
    gcloudEnvironment(origins),
    gsutilEnvironment(origins),
    proxyEnvironment(origins, allowed),
    hostEnvironment(origins, allowed),
  ]
  const set: Record<string, string> = Object.assign({}, ...parts.map((part) => part.set))
  const unset = new Set(parts.flatMap((part) => part.unset).filter((name) => set[name] === undefined))
  return {set, unset: [...unset].toSorted()}
}
