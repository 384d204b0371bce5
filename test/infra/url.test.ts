import { beforeAll, describe, expect, test } from 'vitest'
import { loadApiConfig } from '../../core/platform/config/api.ts'
import { loadMigrationConfig } from '../../core/platform/config/migrate.ts'
import { loadPollerConfig } from '../../core/platform/config/poller.ts'
import { loadStreamConfig } from '../../core/platform/config/stream.ts'
import { defaultPollerSeconds, tickSeconds } from '../../core/worker/schedule.ts'
import { type Deployment, deploy } from './support/deployment.ts'
import { all, environmentOf, functionNames, functionOf, one, permissionsOf } from './support/look.ts'

let deployed: Deployment
beforeAll(async () => {
  deployed = await deploy({
    stage: 'production',
    env: { DEPLOY_DATABASE: 'url', DEPLOY_ALARM_EMAIL: 'ann@example.com' },
  })
})

const url =
  'mysql://user:hidden@planetscale.example/vision?ssl=%7B%22rejectUnauthorized%22%3Atrue%2C%22verifyIdentity%22%3Atrue%7D'
const service = { POWERTOOLS_SERVICE_NAME: 'vision-pipeline-production' }
const auth = {
  AUTH_SECRET: 'an auth secret of at least thirty-two bytes',
  STREAM_SECRET: 'a stream secret of at least thirty-two bytes',
}

test('the configuration runs through without an error', () => {
  expect(deployed.errors).toEqual([])
  expect(functionNames(deployed)).toEqual(['ApiHandler', 'Migrate', 'PollerHandler', 'Stream'])
})

describe('every function', () => {
  test.each([
    ['ApiHandler', 'api.handler', 30, 1024],
    ['Stream', 'stream.handler', 75, 512],
    ['PollerHandler', 'poller.handler', 300, 1024],
    ['Migrate', 'migrate.handler', 900, 512],
  ])(
    '%s runs on Node.js 24 and arm64, with its own time and memory, outside of any VPC',
    (name, handler, timeout, memorySize) => {
      const target = deployed.targets.find(({ functionID }) => functionID === name)
      expect(target?.handler).toBe(handler)
      const made = functionOf(deployed, name)
      expect(made).toMatchObject({ runtime: 'nodejs24.x', architectures: ['arm64'], timeout, memorySize })
      expect(made.vpcConfig).toBeUndefined()
    },
  )

  test('keeps its logs for a month', () => {
    const groups = all(deployed, 'aws:cloudwatch/logGroup:LogGroup')
    expect(groups).toHaveLength(5)
    expect(groups.map(({ inputs }) => inputs.retentionInDays)).toEqual([30, 30, 30, 30, 30])
  })

  test('keeps its environment encrypted in the state of the deployment', () => {
    for (const resource of all(deployed, 'aws:lambda/function:Function')) {
      expect(resource.secretInputs).toContain('environment')
    }
  })

  test('can be assumed by Lambda alone', () => {
    for (const name of functionNames(deployed)) {
      expect(permissionsOf(deployed, name).assumeRolePolicy).toMatchObject({
        Statement: [{ Principal: { Service: 'lambda.amazonaws.com' } }],
      })
    }
  })
})

/** What X-Ray needs. */
const traces = ['Allow xray:PutTraceSegments *', 'Allow xray:PutTelemetryRecords *']

describe('what a function knows and may do', () => {
  test('is enough for it to start', () => {
    expect(() => loadApiConfig(environmentOf(deployed, 'ApiHandler'))).not.toThrow()
    expect(() => loadStreamConfig(environmentOf(deployed, 'Stream'))).not.toThrow()
    expect(() => loadPollerConfig(environmentOf(deployed, 'PollerHandler'))).not.toThrow()
    expect(() => loadMigrationConfig(environmentOf(deployed, 'Migrate'))).not.toThrow()
  })

  test('the API: authentication, the stream’s address, images, and no key of a provider', () => {
    expect(environmentOf(deployed, 'ApiHandler')).toEqual({
      ...service,
      ...auth,
      DATABASE_URL: url,
      BUCKET_NAME: expect.stringMatching(/^vision-pipeline-production-images/),
      STREAM_URL: 'https://streamurl.lambda-url.example/',
      POLLER_FUNCTION: functionOf(deployed, 'PollerHandler').name,
      POLLER_MAX: '6',
    })
    expect(permissionsOf(deployed, 'ApiHandler')).toMatchObject({
      may: [
        'Allow s3:GetObject arn:aws:s3:::BUCKET/images/*',
        'Allow s3:PutObject arn:aws:s3:::BUCKET/images/*',
        'Allow s3:PutObject arn:aws:s3:::BUCKET/uploads/*',
        expect.stringMatching(/^Allow lambda:InvokeFunction arn:.*PollerHandler/),
        ...traces,
      ],
      managed: ['AWSLambdaBasicExecutionRole'],
    })
    expect(functionOf(deployed, 'ApiHandler').tracingConfig).toEqual({ mode: 'Active' })
  })

  test('the stream: authentication, and neither the bucket nor the providers', () => {
    expect(environmentOf(deployed, 'Stream')).toEqual({ ...service, ...auth, DATABASE_URL: url })
    expect(permissionsOf(deployed, 'Stream')).toMatchObject({ may: traces, managed: ['AWSLambdaBasicExecutionRole'] })
  })

  test('the poller: the providers and the images, and nothing about callers', () => {
    expect(environmentOf(deployed, 'PollerHandler')).toEqual({
      ...service,
      DATABASE_URL: url,
      BUCKET_NAME: environmentOf(deployed, 'ApiHandler').BUCKET_NAME,
      GEMINI_API_KEY: 'gemini-key',
      DEEPSEEK_API_KEY: 'deepseek-key',
      POLLER_MAX: '6',
    })
    expect(permissionsOf(deployed, 'PollerHandler')).toMatchObject({
      may: [
        'Allow s3:GetObject arn:aws:s3:::BUCKET/images/*',
        'Allow s3:PutObject arn:aws:s3:::BUCKET/images/*',
        'Allow s3:DeleteObject arn:aws:s3:::BUCKET/images/*',
        'Allow s3:GetObject arn:aws:s3:::BUCKET/uploads/*',
        'Allow s3:ListBucket arn:aws:s3:::BUCKET',
      ],
      managed: ['AWSLambdaBasicExecutionRole'],
    })
  })

  test('the poller may invoke itself, and no other function', () => {
    const { policy } = one(deployed, 'aws:iam/rolePolicy:RolePolicy', 'PollerWakes').inputs
    expect(JSON.parse(String(policy)).Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'lambda:InvokeFunction',
        Resource: expect.stringMatching(/:function:.*PollerHandler/),
      },
    ])
  })

  test('calls of the poller are not traced, which would cost something at rest', async () => {
    expect(functionOf(deployed, 'PollerHandler').tracingConfig).toBeUndefined()
    const without = await deploy({ env: { DEPLOY_DATABASE: 'url', DEPLOY_TRACING: 'no' } })
    for (const name of ['ApiHandler', 'Stream']) {
      expect(functionOf(without, name).tracingConfig).toBeUndefined()
      expect(permissionsOf(without, name).may).not.toContain(traces[0])
    }
  })

  test('the migrations: the database alone', () => {
    expect(environmentOf(deployed, 'Migrate')).toEqual({ DATABASE_URL: url })
    expect(permissionsOf(deployed, 'Migrate')).toMatchObject({ may: [], managed: ['AWSLambdaBasicExecutionRole'] })
  })

  test('the schedule: to invoke the poller', () => {
    const { may } = permissionsOf(deployed, 'Poller')
    expect(may).toEqual([expect.stringMatching(/^Allow lambda:InvokeFunction arn:.*-PollerHandlerFunction-/)])
  })
})

describe('the poller', () => {
  // That npm start's has the same: test/dev/schedule.test.ts.
  test('has the times of the schedule', () => {
    expect(functionOf(deployed, 'PollerHandler').timeout).toBe(defaultPollerSeconds)
    expect(one(deployed, 'aws:scheduler/schedule:Schedule').inputs.scheduleExpression).toBe(
      `rate(${tickSeconds / 60} minute)`,
    )
  })

  test('is started every minute, and a start that failed or came late is not made up for', () => {
    const { target, ...schedule } = one(deployed, 'aws:scheduler/schedule:Schedule').inputs
    expect(schedule).toMatchObject({
      scheduleExpression: 'rate(1 minute)',
      state: 'ENABLED',
      flexibleTimeWindow: { mode: 'OFF' },
    })
    expect(target).toMatchObject({
      arn: expect.stringContaining('PollerHandlerFunction'),
      retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
    })
    const { inputs } = one(deployed, 'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig')
    expect(inputs).toEqual({
      functionName: functionOf(deployed, 'PollerHandler').name,
      maximumRetryAttempts: 0,
      maximumEventAgeInSeconds: 60,
    })
  })
})

describe('the stream', () => {
  test('answers at a function URL that streams, whose callers it checks itself', () => {
    const { inputs } = one(deployed, 'aws:lambda/functionUrl:FunctionUrl')
    expect(inputs).toEqual({
      functionName: functionOf(deployed, 'Stream').name,
      invokeMode: 'RESPONSE_STREAM',
      authorizationType: 'NONE',
    })
  })
})

describe('the API', () => {
  test('has every path of its gateway, which limits its rate', () => {
    expect(one(deployed, 'aws:apigatewayv2/route:Route').inputs).toMatchObject({ routeKey: '$default' })
    expect(one(deployed, 'aws:apigatewayv2/integration:Integration').inputs).toMatchObject({
      integrationUri: expect.stringContaining('ApiHandlerFunction'),
      payloadFormatVersion: '2.0',
    })
    expect(one(deployed, 'aws:apigatewayv2/stage:Stage').inputs).toMatchObject({
      name: '$default',
      defaultRouteSettings: { throttlingRateLimit: 50, throttlingBurstLimit: 100 },
      accessLogSettings: { destinationArn: expect.stringContaining('/aws/vendedlogs/apis/') },
    })
  })

  test('no page of another origin may call anything', () => {
    expect(one(deployed, 'aws:apigatewayv2/api:Api').inputs.corsConfiguration).toEqual({})
    expect(one(deployed, 'aws:lambda/functionUrl:FunctionUrl').inputs.cors).toBeUndefined()
    expect(all(deployed, 'aws:apigateway/restApi:RestApi')).toEqual([])
    expect(all(deployed, 'aws:s3/bucketCorsConfiguration:BucketCorsConfiguration')).toEqual([])
  })
})

describe('the bucket', () => {
  test('is private, encrypted and reached over TLS alone', () => {
    expect(one(deployed, 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock').inputs).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    })
    expect(
      one(deployed, 'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration').inputs
        .rules,
    ).toEqual([{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' }, bucketKeyEnabled: true }])
    const { policy } = one(deployed, 'aws:s3/bucketPolicy:BucketPolicy').inputs
    expect(JSON.parse(String(policy)).statements).toEqual([
      expect.objectContaining({
        effect: 'Deny',
        actions: ['s3:*'],
        conditions: [{ test: 'Bool', variable: 'aws:SecureTransport', values: ['false'] }],
      }),
    ])
  })

  test('deletes uploads after a week, and nothing else', () => {
    expect(one(deployed, 'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration').inputs.rules).toEqual([
      {
        id: 'vision-pipeline-expire-uploads',
        status: 'Enabled',
        filter: { prefix: 'uploads/' },
        expiration: { days: 7 },
      },
      {
        id: 'vision-pipeline-abort-incomplete-uploads',
        status: 'Enabled',
        filter: { prefix: 'uploads/' },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
      },
    ])
  })
})
