/** A deliberate mistake in the configuration: a text of one file, and what stands there instead. */
export interface Mutation {
  readonly file: string
  readonly text: string
  readonly instead: string
}

/** Each of these must turn at least one test red. */
export const mutations: Readonly<Record<string, Mutation>> = {
  'the API gets the key of a provider': {
    file: 'infra/api.ts',
    text: 'DATABASE_URL: databaseUrl,',
    instead: 'DATABASE_URL: databaseUrl, GEMINI_API_KEY: secrets.providers.GEMINI_API_KEY.value,',
  },
  'the poller gets the secret that signs tokens': {
    file: 'infra/poller.ts',
    text: 'DATABASE_URL: databaseUrl,',
    instead: 'DATABASE_URL: databaseUrl, AUTH_SECRET: secrets.auth.value,',
  },
  'the API may delete images': {
    file: 'infra/api.ts',
    text: "['s3:GetObject', 's3:PutObject']",
    instead: "['s3:GetObject', 's3:PutObject', 's3:DeleteObject']",
  },
  'the stream may read the bucket': {
    file: 'infra/stream.ts',
    text: 'streaming: true,',
    instead: "streaming: true, permissions: [{ actions: ['s3:GetObject'], resources: ['*'] }],",
  },
  'the poller may not see what is missing': {
    file: 'infra/poller.ts',
    text: 'maySeeWhatIsMissing(bucket),',
    instead: '',
  },
  'the stream answers in one piece': {
    file: 'infra/stream.ts',
    text: 'streaming: true,',
    instead: '',
  },
  'the stream asks for AWS signatures, which browsers do not have': {
    file: 'infra/stream.ts',
    text: "authorization: 'none'",
    instead: "authorization: 'iam'",
  },
  'the stream’s function ends with its stream': {
    file: 'infra/stream.ts',
    text: ' + streamGraceSeconds',
    instead: '',
  },
  'the poller starts every five minutes': {
    file: 'infra/poller.ts',
    text: "'rate(1 minute)'",
    instead: "'rate(5 minutes)'",
  },
  'the schedule retries': {
    file: 'infra/poller.ts',
    text: "schedule: 'rate(1 minute)',\n    retries: 0,",
    instead: "schedule: 'rate(1 minute)',\n    retries: 2,",
  },
  'Lambda retries the poller': {
    file: 'infra/poller.ts',
    text: 'made up for.\n    retries: 0,',
    instead: 'made up for.\n    retries: 2,',
  },
  'a late start is kept for hours': {
    file: 'infra/poller.ts',
    text: 'args.maximumEventAgeInSeconds = tickSeconds',
    instead: 'args.maximumEventAgeInSeconds = 21_600',
  },
  'the bucket is public': {
    file: 'infra/storage.ts',
    text: "new sst.aws.Bucket('Images', {",
    instead: "new sst.aws.Bucket('Images', { access: 'public',",
  },
  'every object of the bucket is deleted after a week': {
    file: 'infra/storage.ts',
    text: "prefix: 'uploads/', expiresIn",
    instead: 'expiresIn',
  },
  'production may be removed': {
    file: 'sst.config.ts',
    text: 'protect: production,',
    instead: 'protect: false,',
  },
  'production does not keep its data': {
    file: 'sst.config.ts',
    text: "production ? 'retain' : 'remove'",
    instead: "'remove'",
  },
  'the database of production may be deleted': {
    file: 'infra/database.ts',
    text: 'args.deletionProtection = keeps',
    instead: 'args.deletionProtection = false',
  },
  'the private network has no way out': {
    file: 'infra/database.ts',
    text: ', { nat: DEPLOY_NAT }',
    instead: '',
  },
  'the proxy takes connections without TLS': {
    file: 'infra/database.ts',
    text: 'args.requireTls = true',
    instead: 'args.requireTls = false',
  },
  'functions do not wait for the migrations': {
    file: 'infra/migrations.ts',
    text: '$resolve([url, migration.result]).apply(([after]) => after)',
    instead: 'url',
  },
  'the files of the migrations stay behind': {
    file: 'infra/migrations.ts',
    text: 'copyFiles: [{ from: folder }],',
    instead: '',
  },
  'the migrations are applied where they should be checked': {
    file: 'infra/migrations.ts',
    text: 'mode: settings.DEPLOY_MIGRATIONS',
    instead: "mode: 'apply'",
  },
  'a poller that is dead alarms nobody': {
    file: 'infra/alarms.ts',
    text: "missingIsBad ? 'breaching' : 'notBreaching'",
    instead: "'notBreaching'",
  },
  'alarms go nowhere': {
    file: 'infra/alarms.ts',
    text: 'alarmActions: [topic.arn],',
    instead: '',
  },
  'the API has no limit on its rate': {
    file: 'infra/api.ts',
    text: 'args.defaultRouteSettings = {',
    instead: 'const unused = {',
  },
  'a lease may outlive its worker': {
    file: 'infra/constraints.ts',
    text: 'JOB_LEASE_SECONDS >= seconds',
    instead: 'false',
  },
  'any page may call the API': {
    file: 'infra/api.ts',
    text: ': false,\n    transform',
    instead: ': true,\n    transform',
  },
  'whoever may assume roles may be any function': {
    file: 'infra/functions.ts',
    text: 'if (!$dev) ',
    instead: 'if ($dev) ',
  },
}

/**
 * A file of the configuration with the named mistake in it; other files as they are.
 *
 * @throws if the text is not there exactly once, so that no mistake goes stale
 */
export function mutated(name: string, file: string, source: string): string {
  const mutation = mutations[name]
  if (!mutation) throw new Error(`There is no mutation '${name}'.`)
  if (mutation.file !== file) return source
  const parts = source.split(mutation.text)
  if (parts.length !== 2) throw new Error(`'${name}': ${parts.length - 1} places in ${file} instead of one`)
  return parts.join(mutation.instead)
}
