/** https://cloud.google.com/iam/docs/reference/credentials/rpc/google.iam.credentials.v1 */
export const IAM_CREDENTIALS = `
syntax = "proto3";
package google.iam.credentials.v1;
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
service IAMCredentials {
  rpc GenerateAccessToken(GenerateAccessTokenRequest) returns (GenerateAccessTokenResponse) {
    option (google.api.http) = { post: "/v1/{name=projects/*/serviceAccounts/*}:generateAccessToken" body: "*" };
  }
  rpc GenerateIdToken(GenerateIdTokenRequest) returns (GenerateIdTokenResponse) {
    option (google.api.http) = { post: "/v1/{name=projects/*/serviceAccounts/*}:generateIdToken" body: "*" };
  }
  rpc SignBlob(SignBlobRequest) returns (SignBlobResponse) {
    option (google.api.http) = { post: "/v1/{name=projects/*/serviceAccounts/*}:signBlob" body: "*" };
  }
  rpc SignJwt(SignJwtRequest) returns (SignJwtResponse) {
    option (google.api.http) = { post: "/v1/{name=projects/*/serviceAccounts/*}:signJwt" body: "*" };
  }
}
message GenerateAccessTokenRequest {
  string name = 1;
  repeated string delegates = 2;
  repeated string scope = 4;
  google.protobuf.Duration lifetime = 7;
}
message GenerateAccessTokenResponse { string access_token = 1; google.protobuf.Timestamp expire_time = 3; }
message GenerateIdTokenRequest {
  string name = 1;
  repeated string delegates = 2;
  string audience = 3;
  bool include_email = 4;
  bool use_email_azp = 1000; // in JSON only, where google-auth sends it
}
message GenerateIdTokenResponse { string token = 1; }
message SignBlobRequest { string name = 1; repeated string delegates = 3; bytes payload = 5; }
message SignBlobResponse { string key_id = 1; bytes signed_blob = 4; }
message SignJwtRequest { string name = 1; repeated string delegates = 3; string payload = 5; }
message SignJwtResponse { string key_id = 1; string signed_jwt = 2; }`
