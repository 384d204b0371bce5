/** What the tokens of the measurements are signed with. */
export const secret = 'the secret of the bench, 32 bytes or more'

/** The settings of an API that asks no storage. @param connections to the database */
export function apiSettings(databaseUrl: string, connections: number): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    API_DATABASE_CONNECTIONS: String(connections),
    AUTH_SECRET: secret,
    BUCKET_NAME: 'images',
    AWS_REGION: 'us-east-1',
    S3_ACCESS_KEY_ID: 'bench',
    S3_SECRET_ACCESS_KEY: 'secret-of-a-storage-that-nobody-asks',
  }
}
