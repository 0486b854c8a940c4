import type {Schema} from '../state/state.ts'

/** Policies by resource name; service accounts and their keys with the JSON that the IAM API shows of them. */
export const iamSchema: Schema = {
  name: 'iam',
  migrations: [
    `CREATE TABLE iam_policies (
       resource TEXT PRIMARY KEY,
       policy TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE iam_service_accounts (
       email TEXT PRIMARY KEY,
       project TEXT NOT NULL,
       unique_id TEXT NOT NULL UNIQUE,
       account TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX iam_service_accounts_by_project ON iam_service_accounts (project, email);`,
    `CREATE TABLE iam_account_keys (
       email TEXT NOT NULL,
       id TEXT NOT NULL,
       key TEXT NOT NULL,
       certificate TEXT NOT NULL,
       private_key TEXT,
       PRIMARY KEY (email, id)
     ) STRICT, WITHOUT ROWID;`,
    'CREATE TABLE iam_mode (mode TEXT NOT NULL) STRICT',
  ],
}
