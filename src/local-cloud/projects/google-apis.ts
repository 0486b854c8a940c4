/** The APIs of the local cloud: enabled from the start in every project that was not created explicitly. */
export const SERVED_APIS: readonly string[] = apis(`
    artifactregistry cloudbilling cloudresourcemanager iam iamcredentials logging monitoring pubsub run secretmanager
    serviceusage storage
  `)

/** What is enabled in a project that `projects.create` created: https://cloud.google.com/service-usage/docs/enabled-service#default */
export const APIS_OF_A_NEW_PROJECT: readonly string[] = apis(
  'bigquery cloudapis cloudtrace logging monitoring servicemanagement serviceusage storage storage-api storage-component',
)

/**
 * Google's other APIs, as far as Terraform's provider knows them: they can be turned on, as modules do; their calls
 * are not served.
 */
export const OTHER_APIS: readonly string[] = apis(`
    accessapproval accesscontextmanager agenticapplications agentidentity agentregistry aiplatform
    alloydb analyticshub apigee apihub apikeys appengine apphub assuredworkloads backupdr beyondcorp
    biglake bigquery bigqueryconnection bigquerydatapolicy bigquerydatatransfer bigqueryreservation
    bigtableadmin billingbudgets binaryauthorization blockchainnodeengine certificatemanager ces
    chronicle cloudaicompanion cloudapis cloudasset cloudbuild clouddeploy clouderrorreporting
    cloudfunctions cloudidentity cloudkms cloudprofiler cloudquotas cloudscheduler
    cloudsecuritycompliance cloudshell cloudsupport cloudtasks cloudtrace composer compute config
    connectors contactcenterinsights container containeranalysis containerregistry contentwarehouse
    datacatalog dataflow dataform datafusion datalineage datamigration datapipelines dataplex dataproc
    dataprocgdc datastream developerconnect dialogflow discoveryengine dlp dns documentai domains drive
    edgecontainer edgenetwork essentialcontacts eventarc file firebaseappcheck firebaseapphosting
    firebasedataconnect firebaseremoteconfig firebaserules firestore gkebackup gkehub gkemulticloud
    gkeonprem gmail healthcare hypercomputecluster iap identitytoolkit ids integrations licensemanager
    looker lustre managedidentities managedkafka memcache memorystore metastore migrationcenter
    modelarmor netapp networkconnectivity networkmanagement networksecurity networkservices
    notebooks observability oracledatabase orgpolicy osconfig oslogin parallelstore parametermanager
    privateca privilegedaccessmanager publicca recaptchaenterprise recommender redis
    securesourcemanager securitycenter securitycentermanagement securityposture servicedirectory
    servicemanagement servicenetworking sheets sourcerepo spanner sqladmin storage-api storage-component
    storagebatchoperations storageinsights storagetransfer sts transcoder vectorsearch vmwareengine
    vpcaccess workflows workloadidentity workstations www
  `)

function apis(names: string): string[] {
  return names
    .trim()
    .split(/\s+/)
    .map((name) => `${name}.googleapis.com`)
}
