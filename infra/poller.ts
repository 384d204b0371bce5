import { tickSeconds } from '../core/worker/schedule.ts'
import { common, environmentOf, observedAs, type Shared } from './functions.ts'
import { maySeeWhatIsMissing, mayUse } from './storage.ts'

/** What a caller needs to wake the poller. */
export function mayInvoke(poller: sst.aws.Function) {
  return { actions: ['lambda:InvokeFunction'], resources: [poller.arn] }
}

function roleOf({ nodes: { role } }: sst.aws.Function): aws.iam.Role {
  if (!role) throw new Error('a function was given a role that is not its own')
  return role
}

/** The worker: started every minute by the schedule, and woken by the API and by itself when jobs wait without a place. */
export function createPoller({ bucket, ...shared }: Shared & { readonly bucket: sst.aws.Bucket }) {
  const { settings, secrets, databaseUrl } = shared
  const { DEPLOY_POLLER_SECONDS, DEPLOY_POLLER_MEMORY } = settings
  const reserved = settings.concurrency.pollers
  const shape = common(shared)
  const handler = new sst.aws.Function('PollerHandler', {
    ...shape,
    description: 'Drains the queue',
    ...shared.code('poller'),
    timeout: `${DEPLOY_POLLER_SECONDS} seconds`,
    memory: `${DEPLOY_POLLER_MEMORY} MB`,
    ...(reserved && { concurrency: { reserved } }),
    environment: environmentOf({
      ...settings.environment.poller,
      ...observedAs(),
      DATABASE_URL: databaseUrl,
      BUCKET_NAME: bucket.name,
      POLLER_MAX: String(settings.concurrency.mostPollers),
      ...Object.fromEntries(Object.entries(secrets.providers).map(([key, secret]) => [key, secret.value])),
    }),
    permissions: [
      mayUse(bucket, 'images/', ['s3:GetObject', 's3:PutObject', 's3:DeleteObject']),
      mayUse(bucket, 'uploads/', ['s3:GetObject']),
      maySeeWhatIsMissing(bucket),
    ],
    // The table is the queue: a tick that failed or came too late need not be repeated.
    retries: 0,
    transform: {
      ...shape.transform,
      eventInvokeConfig: (args) => {
        args.maximumEventAgeInSeconds = tickSeconds
      },
    },
  })
  // Apart from its other permissions, which are there before the function, and so before its name.
  new aws.iam.RolePolicy('PollerWakes', {
    role: roleOf(handler).name,
    policy: $jsonStringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: handler.arn }],
    }),
  })
  new sst.aws.CronV2('Poller', {
    function: handler,
    schedule: 'rate(1 minute)',
    retries: 0,
    transform: {
      schedule: (args) => {
        args.target = $util.output(args.target).apply((target) => ({
          ...target,
          retryPolicy: { ...target.retryPolicy, maximumEventAgeInSeconds: tickSeconds },
        }))
      },
    },
  })
  return handler
}
