/** Who an ID token of the person at the keyboard names. */
export const OWNER_EMAIL = 'owner@local-cloud.invalid'

/** The audience of ID tokens that gcloud prints for a person, which Cloud Run accepts for every service. */
export const GCLOUD_CLIENT_ID = '32555940559.apps.googleusercontent.com'
