/** A deliberate mistake in the configuration: a text of one file, and what stands there instead. */
export interface Mutation {
  readonly file: string
  readonly text: string
  readonly instead: string
  /** A part of the name of the test that must turn red; any if left out. */
  readonly red?: string
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
  'the API may wake nobody': {
    file: 'infra/api.ts',
    text: 'mayInvoke(poller),',
    instead: '',
  },
  'the API wakes more pollers than there may be': {
    file: 'infra/api.ts',
    text: 'POLLER_MAX: String(settings.concurrency.mostPollers),',
    instead: "POLLER_MAX: '1000',",
  },
  'the stream may read the bucket': {
    file: 'infra/stream.ts',
    text: "description: 'Live progress as server-sent events',",
    instead: "permissions: [{ actions: ['s3:GetObject'], resources: ['*'] }],",
  },
  'the poller may not see what is missing': {
    file: 'infra/poller.ts',
    text: 'maySeeWhatIsMissing(bucket),',
    instead: '',
  },
  'the stream answers in one piece': {
    file: 'infra/stream.ts',
    text: 'streaming: true,\n    ...(!vpc',
    instead: '...(!vpc',
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
    text: 'retries: 0,\n    transform: {\n      ...shape',
    instead: 'retries: 2,\n    transform: {\n      ...shape',
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
    file: 'infra/rds.ts',
    text: 'args.deletionProtection = keeps',
    instead: 'args.deletionProtection = false',
  },
  'the private network has no way out': {
    file: 'infra/network.ts',
    text: "{ type: 'ec2', ec2: { instance: 't4g.nano', ami: natImage(DEPLOY_NAT_IMAGE) } } : 'managed'",
    instead: "undefined : 'managed'",
  },
  'the NAT instances are of the newest image of a third party': {
    file: 'infra/network.ts',
    text: ', ami: natImage(DEPLOY_NAT_IMAGE)',
    instead: '',
  },
  'the whole internet may call the NAT instances': {
    file: 'infra/network.ts',
    text: 'fromPort: 0, toPort: 0, cidrBlocks: [addresses]',
    instead: "fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0']",
  },
  'the whole internet may call the bastion': {
    file: 'infra/network.ts',
    text: 'args.ingress = []',
    instead: '',
  },
  'nobody can get at the private database': {
    file: 'infra/network.ts',
    text: "DEPLOY_BASTION === 'yes'",
    instead: 'false',
  },
  'whoever makes an instance fetch an address gets its credentials': {
    file: 'infra/network.ts',
    text: "httpTokens: 'required'",
    instead: "httpTokens: 'optional'",
  },
  'the storage of the database does not grow': {
    file: 'infra/rds.ts',
    text: ' GB`',
    instead: ' TB`',
  },
  'the proxy knows one user alone': {
    file: 'infra/rds.ts',
    text: "proxy: $resolve(logins).apply((all) => ({ credentials: all.filter(({ password }) => password !== '') })),",
    instead: 'proxy: true,',
    red: 'the proxy knows before any function takes it',
  },
  'the functions keep the first user, whichever is chosen': {
    file: 'infra/rds.ts',
    text: 'logins.find(({ username }) => username === inUse) ?? mysql',
    instead: 'mysql',
    red: 'is rotated by the other user of the two',
  },
  'the database has no stand-in where one is asked for': {
    file: 'infra/rds.ts',
    text: "multiAz: DEPLOY_DATABASE_MULTI_AZ === 'yes',",
    instead: '',
  },
  'the server takes connections without TLS': {
    file: 'infra/rds.ts',
    text: "value: 'ON'",
    instead: "value: 'OFF'",
  },
  'each client sets the isolation, which pins its connection': {
    file: 'infra/rds.ts',
    text: "{ name: 'transaction_isolation', value: 'READ-COMMITTED' },",
    instead: '',
  },
  'the stream of a private network ends after half a minute': {
    file: 'infra/stream.ts',
    text: 'args.timeoutMilliseconds = seconds * 1000',
    instead: '',
  },
  'the stream of a private network answers in one piece': {
    file: 'infra/stream.ts',
    text: 'streaming: true,\n    transform',
    instead: 'transform',
  },
  'the stream of a private network has no limit on its rate': {
    file: 'infra/stream.ts',
    text: 'throttlingRateLimit: rate,',
    instead: '',
  },
  'no page may read the stream of a private network': {
    file: 'infra/stream.ts',
    text: "STREAM_ORIGINS: origins.join(',')",
    instead: '',
  },
  'the poller has nothing for itself': {
    file: 'infra/poller.ts',
    text: '...(reserved && { concurrency: { reserved } }),',
    instead: '',
  },
  'the streams may take every function of the account': {
    file: 'infra/stream.ts',
    text: '...(reserved && { concurrency: { reserved } }),',
    instead: '',
  },
  'a new account reserves what it does not have': {
    file: 'infra/concurrency.ts',
    text: 'if (room < fleet) return small(total, fleet, request)',
    instead: '',
  },
  'calls wait in a new account, and take the functions of the poller': {
    file: 'infra/settings.ts',
    text: "if (!plan.waiting) environment.api.WAITS_PER_USER ??= '0'",
    instead: '',
  },
  'sst dev runs the functions on another Node.js': {
    file: 'infra/settings.ts',
    text: 'Number.parseInt(node, 10) < functionsNode',
    instead: 'false',
    red: 'wants the version of Node.js that the functions are deployed with',
  },
  'the proxy takes connections without TLS': {
    file: 'infra/rds.ts',
    text: 'args.requireTls = true',
    instead: 'args.requireTls = false',
  },
  'functions do not wait for the migrations': {
    file: 'infra/migrations.ts',
    text: '$resolve([url, migration.result]).apply(([after]) => after)',
    instead: 'url',
  },
  'the functions are bundled once where they should follow their source': {
    file: 'infra/functions.ts',
    text: 'if ($dev) return (name)',
    instead: 'if ($dev && !$dev) return (name)',
    red: 'takes the database of this machine',
  },
  'all functions share a folder': {
    file: 'infra/functions.ts',
    text: "join($cli.paths.work, 'bundles', name)",
    instead: "join($cli.paths.work, 'bundles')",
  },
  'the files of the migrations stay behind': {
    file: 'infra/migrations.ts',
    text: '[{ from: folder }]',
    instead: '[]',
  },
  'the reference page has no files': {
    file: 'infra/api.ts',
    text: 'copyFiles: referenceFiles',
    instead: 'copyFiles: []',
    red: 'the API brings what its reference page loads',
  },
  'the migrations are applied where they should be checked': {
    file: 'infra/migrations.ts',
    text: 'mode: settings.DEPLOY_MIGRATIONS',
    instead: "mode: 'apply'",
  },
  'a poller that is dead alarms nobody': {
    file: 'infra/alarm.ts',
    text: "missingIsBad ? 'breaching' : 'notBreaching'",
    instead: "'notBreaching'",
    red: 'PollerSilent',
  },
  'alarms go nowhere': {
    file: 'infra/alarm.ts',
    text: 'alarmActions: [topic.arn, ...actions],',
    instead: '',
  },
  'a stream that fails alarms nobody': {
    file: 'infra/alarms.ts',
    text: "alarm('StreamErrors', {",
    instead: "if (!stream) alarm('StreamErrors', {",
    red: 'StreamErrors',
  },
  'a bucket that refuses every run alarms nobody': {
    file: 'infra/alarms.ts',
    text: "metricName: 'JobsReleasedByCode',",
    instead: "metricName: 'JobsFailedByCode',",
    red: 'StorageUnavailable',
  },
  'a fault of ours alarms only where ten jobs failed of it': {
    file: 'infra/alarms.ts',
    text: 'threshold: 1,\n        period: 5 * minute,\n      })',
    instead: 'threshold: 10,\n        period: 5 * minute,\n      })',
    red: 'InternalError',
  },
  'a slow API is judged by its mean': {
    file: 'infra/alarms.ts',
    text: "statistic: 'p95',",
    instead: "statistic: 'Average',",
  },
  'the limit of the account comes as a surprise': {
    file: 'infra/alarms.ts',
    text: 'const nearLimit = 0.8',
    instead: 'const nearLimit = 1',
    red: 'ConcurrencyHigh',
  },
  'the database fills up in silence': {
    file: 'infra/database-alarms.ts',
    text: 'period: 5 * minute,\n    periods: 1,\n    below: true,',
    instead: 'period: 5 * minute,\n    periods: 1,',
    red: 'DatabaseStorage',
  },
  'a NAT instance that died is left as it is': {
    file: 'infra/database-alarms.ts',
    text: ':ec2:recover',
    instead: ':ec2:stop',
    red: 'NatDown2',
  },
  'failures are not counted by their codes': {
    file: 'infra/dashboard.ts',
    text: 'service,code}',
    instead: 'service}',
    red: 'shows metrics of ours that the functions write',
  },
  'the budget tells nobody': {
    file: 'infra/budget.ts',
    text: 'subscriberEmailAddresses: [email],',
    instead: '',
    red: 'tells before the month costs more than is set',
  },
  'each start of the poller is traced, at a cost at rest': {
    file: 'infra/poller.ts',
    text: '      eventInvokeConfig: (args) => {',
    instead: "function: (args) => { args.tracingConfig = { mode: 'Active' } }, eventInvokeConfig: (args) => {",
    red: 'calls of the poller are not traced',
  },
  'calls are not traced': {
    file: 'infra/functions.ts',
    text: "if (traces) args.tracingConfig = { mode: 'Active' }",
    instead: '',
    red: 'the API: authentication, the stream’s address, images',
  },
  'the API has no limit on its rate': {
    file: 'infra/api.ts',
    text: 'args.defaultRouteSettings = {',
    instead: 'const unused = {',
    red: 'has every path of its gateway, which limits its rate',
  },
  'a lease may outlive its worker': {
    file: 'infra/constraints.ts',
    text: 'JOB_LEASE_SECONDS >= seconds',
    instead: 'false',
    red: 'a lease that outlives its worker',
  },
  'any page may call the API': {
    file: 'infra/api.ts',
    text: ': false,\n    transform',
    instead: ': true,\n    transform',
    red: 'no page of another origin may call anything',
  },
  'whoever may assume roles may be any function': {
    file: 'infra/functions.ts',
    text: 'if (!$dev) ',
    instead: 'if ($dev) ',
    red: 'can be assumed by Lambda alone',
  },
  'the console’s pages may load from anywhere': {
    file: 'infra/console.ts',
    text: 'consolePolicy([`https://',
    instead: "consolePolicy(['*', `https://",
    red: 'its pages load from its origin',
  },
  'the console may not call the issuer of tokens': {
    file: 'infra/console.ts',
    text: ', signInOrigins(config)',
    instead: '',
    red: 'where people sign in at an issuer, its pages are built to know it',
  },
  'the console is not built with its settings': {
    file: 'infra/console.ts',
    text: '    environment,\n',
    instead: '',
    red: 'where people sign in at an issuer, its pages are built to know it',
  },
  'CloudFront answers one user with what is another’s': {
    file: 'infra/console.ts',
    text: '({ ...all, cachePolicyId: cachingDisabled })',
    instead: '({ ...all, cachePolicyId: cachingOptimized })',
    red: 'what the API answers is no other user’s',
  },
  'CloudFront gives up before the API answers': {
    file: 'infra/console.ts',
    text: '{ readTimeout: answerSeconds }',
    instead: '{}',
    red: 'the API is behind the same origin',
  },
  'the console may not post to the bucket': {
    file: 'infra/settings.ts',
    text: '...(consoleName && {',
    instead: '...(!consoleName && {',
    red: 'its pages may post to the bucket',
  },
}
