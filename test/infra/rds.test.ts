import { beforeAll, describe, expect, test } from 'vitest'
import { loadStreamConfig } from '../../core/platform/config/stream.ts'
import { type Deployment, deploy, secrets } from './support/deployment.ts'
import { all, environmentOf, functionNames, functionOf, one, permissionsOf } from './support/look.ts'

let deployed: Deployment
beforeAll(async () => {
  deployed = await deploy({ env: { DEPLOY_DATABASE: 'rds' } })
})

test('the configuration runs through without an error', () => {
  expect(deployed.errors).toEqual([])
})

describe('the network', () => {
  test('has a way out by instances of its own, and to S3 by an endpoint that costs nothing', () => {
    expect(all(deployed, 'aws:ec2/natGateway:NatGateway')).toEqual([])
    expect(all(deployed, 'aws:ec2/instance:Instance').map(({ name }) => name)).toEqual([
      'NetworkNatInstance1',
      'NetworkNatInstance2',
    ])
    expect(one(deployed, 'aws:ec2/vpcEndpoint:VpcEndpoint').inputs).toMatchObject({
      vpcEndpointType: 'Gateway',
      serviceName: 'com.amazonaws.eu-central-1.s3',
      routeTableIds: ['NetworkPrivateRouteTable1-id', 'NetworkPrivateRouteTable2-id'],
    })
  })

  test('whose instances are of one image by its full name, and take calls from the network alone', () => {
    for (const { inputs } of all(deployed, 'aws:ec2/instance:Instance')) {
      expect(inputs.ami).toBe(
        'ami of [{"name":"name","values":["fck-nat-al2023-hvm-1.4.0-20260701-arm64-ebs"]}] by 568608671756',
      )
      expect(inputs.metadataOptions).toEqual({ httpTokens: 'required', httpEndpoint: 'enabled' })
    }
    expect(one(deployed, 'aws:ec2/vpc:Vpc').inputs.cidrBlock).toBe('10.0.0.0/16')
    expect(one(deployed, 'aws:ec2/securityGroup:SecurityGroup').inputs.ingress).toEqual([
      { protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['10.0.0.0/16'] },
    ])
  })

  test('which Session Manager reaches, so that an operator can repair the database from there', () => {
    expect(deployed.outputs).toMatchObject({ bastion: 'NetworkNatInstance1-id', database: 'instance.example' })
    expect(one(deployed, 'aws:iam/role:Role', 'NetworkNatInstanceRole').inputs.managedPolicyArns).toEqual([
      'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore',
    ])
  })

  test('has managed gateways instead where that is chosen, and an instance for repairs that nothing can connect to', async () => {
    const managed = await deploy({ env: { DEPLOY_DATABASE: 'rds', DEPLOY_NAT: 'managed' } })
    expect(managed.errors).toEqual([])
    expect(all(managed, 'aws:ec2/natGateway:NatGateway')).toHaveLength(2)
    expect(all(managed, 'aws:ec2/instance:Instance').map(({ name }) => name)).toEqual(['NetworkBastionInstance'])
    expect(one(managed, 'aws:ec2/securityGroup:SecurityGroup').inputs.ingress).toEqual([])
    expect(managed.outputs.bastion).toBe('NetworkBastionInstance-id')
    const without = await deploy({ env: { DEPLOY_DATABASE: 'rds', DEPLOY_NAT: 'managed', DEPLOY_BASTION: 'no' } })
    expect(all(without, 'aws:ec2/instance:Instance')).toEqual([])
    expect(without.outputs).not.toHaveProperty('bastion')
  })
})

describe('the database', () => {
  test('is a MySQL 8.4 of its own, private, encrypted, backed up, and kept at all costs in production', () => {
    const { inputs, protect, retainOnDelete } = one(deployed, 'aws:rds/instance:Instance')
    expect(inputs).toMatchObject({
      engine: 'mysql',
      engineVersion: '8.4',
      instanceClass: 'db.t4g.micro',
      storageEncrypted: true,
      backupRetentionPeriod: 7,
      deletionProtection: true,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: 'vision-pipeline-production-final',
      allowMajorVersionUpgrade: false,
      autoMinorVersionUpgrade: true,
      allocatedStorage: 20,
      maxAllocatedStorage: 100,
      multiAz: false,
    })
    expect(inputs.publiclyAccessible).toBeUndefined()
    expect([protect, retainOnDelete]).toEqual([true, true])
    expect(one(deployed, 'aws:rds/subnetGroup:SubnetGroup').inputs.subnetIds).toEqual([
      'NetworkPrivateSubnet1-id',
      'NetworkPrivateSubnet2-id',
    ])
  })

  test('is reached through a proxy, over TLS, by every function and with a password that is written as a URL', () => {
    expect(one(deployed, 'aws:rds/proxy:Proxy').inputs).toMatchObject({
      engineFamily: 'MYSQL',
      requireTls: true,
      auths: [{ authScheme: 'SECRETS', clientPasswordAuthType: 'MYSQL_CACHING_SHA2_PASSWORD' }],
    })
    for (const name of functionNames(deployed)) {
      expect(environmentOf(deployed, name).DATABASE_URL).toBe(
        'mysql://vision:password%2Fof%3Fthe%2Bdatabase@proxy.example:3306/vision' +
          '?ssl=%7B%22rejectUnauthorized%22%3Atrue%2C%22verifyIdentity%22%3Atrue%7D',
      )
    }
  })

  test('grows to a ceiling, and has a stand-in in another zone, as it is set', async () => {
    const env = { DEPLOY_DATABASE: 'rds', DEPLOY_DATABASE_MAX_GIGABYTES: '500', DEPLOY_DATABASE_MULTI_AZ: 'yes' }
    expect(one(await deploy({ env }), 'aws:rds/instance:Instance').inputs).toMatchObject({
      allocatedStorage: 20,
      maxAllocatedStorage: 500,
      multiAz: true,
    })
  })

  test('takes no connection without TLS, and has its sessions set as the code wants them, so that none is pinned', () => {
    expect(one(deployed, 'aws:rds/parameterGroup:ParameterGroup').inputs).toMatchObject({
      family: 'mysql8.4',
      parameters: [
        { name: 'require_secure_transport', value: 'ON' },
        { name: 'transaction_isolation', value: 'READ-COMMITTED' },
        { name: 'innodb_lock_wait_timeout', value: '10' },
      ],
    })
    expect(
      one(deployed, 'aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup').inputs.connectionPoolConfig,
    ).toEqual({ initQuery: 'SET wait_timeout = 15, max_execution_time = 20000', connectionBorrowTimeout: 20 })
  })

  test('is waited for by the migrations: its proxy answers minutes after it has been made', () => {
    const { input } = one(deployed, 'aws:lambda/invocation:Invocation').inputs
    expect(JSON.parse(String(input))).toEqual({ mode: 'apply', patienceSeconds: 600 })
  })
})

describe('the password of the database', () => {
  const usersOf = (deployment: Deployment) =>
    all(deployment, 'aws:secretsmanager/secretVersion:SecretVersion').map(({ inputs }) =>
      JSON.parse(String(inputs.secretString)),
    )
  const made = { username: 'vision', password: 'password/of?the+database' }
  const [a, b] = [
    { username: 'vision_a', password: 'the password of a' },
    { username: 'vision_b', password: 'the/password of b' },
  ]

  test('is that which was made with the instance, until another user is chosen', () => {
    expect(usersOf(deployed)).toEqual([made])
    expect(one(deployed, 'aws:rds/proxy:Proxy').inputs.auths).toHaveLength(1)
  })

  test('can be that of a second user, which the proxy knows before any function takes it', async () => {
    const known = await deploy({ env: { DEPLOY_DATABASE: 'rds' }, secrets: { ...secrets, RdsPasswordA: a.password } })
    expect(known.errors).toEqual([])
    expect(usersOf(known)).toEqual([made, a])
    expect(one(known, 'aws:rds/proxy:Proxy').inputs.auths).toEqual(
      ['-MysqlProxySecret-', '-MysqlProxySecretvisiona-'].map((secret) => ({
        authScheme: 'SECRETS',
        iamAuth: 'DISABLED',
        secretArn: expect.stringContaining(secret),
        clientPasswordAuthType: 'MYSQL_CACHING_SHA2_PASSWORD',
      })),
    )
    for (const name of functionNames(known)) {
      expect(environmentOf(known, name).DATABASE_URL).toBe(environmentOf(deployed, name).DATABASE_URL)
    }
  })

  test('is rotated by the other user of the two, while functions of before still have the first', async () => {
    const env = { DEPLOY_DATABASE: 'rds', DEPLOY_DATABASE_USER: 'vision_b' }
    const passwords = { RdsPasswordA: a.password, RdsPasswordB: b.password }
    const rotated = await deploy({ env, secrets: { ...secrets, ...passwords } })
    expect(rotated.errors).toEqual([])
    expect(usersOf(rotated)).toEqual([made, a, b])
    for (const name of functionNames(rotated)) {
      const url = new URL(environmentOf(rotated, name).DATABASE_URL ?? '')
      expect([url.username, decodeURIComponent(url.password), url.host]).toEqual([
        'vision_b',
        b.password,
        'proxy.example:3306',
      ])
    }
  })

  test('stops the deployment where the user that is chosen has none, and where there is no such user', async () => {
    const without = await deploy({ env: { DEPLOY_DATABASE: 'rds', DEPLOY_DATABASE_USER: 'vision_a' } })
    expect(without.errors.join()).toContain('sst secret set RdsPasswordA')
    const unknown = await deploy({ env: { DEPLOY_DATABASE: 'rds', DEPLOY_DATABASE_USER: 'root' } })
    expect(unknown.errors.join()).toContain(
      'DEPLOY_DATABASE_USER must be one of vision, vision_a, vision_b (got: root)',
    )
  })
})

describe('the functions', () => {
  test('all sit in the private subnets, and may do no more for it than that takes', () => {
    expect(functionNames(deployed)).toEqual(['ApiHandler', 'Migrate', 'PollerHandler', 'Stream'])
    for (const name of functionNames(deployed)) {
      expect(functionOf(deployed, name).vpcConfig).toMatchObject({
        subnetIds: ['NetworkPrivateSubnet1-id', 'NetworkPrivateSubnet2-id'],
      })
      expect(permissionsOf(deployed, name).managed).toEqual([
        'AWSLambdaBasicExecutionRole',
        'AWSLambdaVPCAccessExecutionRole',
      ])
    }
  })
})

describe('the stream', () => {
  test('goes by a REST API of this region that streams, since a function URL does not from within a VPC', () => {
    expect(all(deployed, 'aws:lambda/functionUrl:FunctionUrl')).toEqual([])
    expect(one(deployed, 'aws:apigateway/restApi:RestApi').inputs.endpointConfiguration).toMatchObject({
      types: 'REGIONAL',
    })
    expect(one(deployed, 'aws:apigateway/resource:Resource').inputs.pathPart).toBe('{proxy+}')
    expect(one(deployed, 'aws:apigateway/method:Method').inputs).toMatchObject({
      httpMethod: 'ANY',
      authorization: 'NONE',
    })
    expect(one(deployed, 'aws:apigateway/integration:Integration').inputs).toMatchObject({
      type: 'AWS_PROXY',
      responseTransferMode: 'STREAM',
      uri: expect.stringMatching(
        /lambda:path\/2021-11-15\/functions\/.*StreamFunction.*\/response-streaming-invocations$/,
      ),
      // As long as the function may run.
      timeoutMilliseconds: 1000 * Number(functionOf(deployed, 'Stream').timeout),
    })
  })

  test('has its address in the API, and a limit on its rate', () => {
    const url = 'https://StreamGatewayApi-id.execute-api.eu-central-1.amazonaws.com/production/'
    expect(deployed.outputs.events).toBe(url)
    expect(environmentOf(deployed, 'ApiHandler').STREAM_URL).toBe(url)
    expect(one(deployed, 'aws:apigateway/methodSettings:MethodSettings').inputs).toMatchObject({
      restApi: 'StreamGatewayApi-id',
      stageName: 'production',
      methodPath: '*/*',
      settings: { throttlingRateLimit: 50, throttlingBurstLimit: 100 },
    })
  })

  test('sets its CORS headers itself', async () => {
    expect(environmentOf(deployed, 'Stream')).not.toHaveProperty('STREAM_ORIGINS')
    const origins = 'https://app.example,https://admin.example'
    const open = await deploy({ env: { DEPLOY_DATABASE: 'rds', DEPLOY_ORIGINS: origins } })
    expect(environmentOf(open, 'Stream').STREAM_ORIGINS).toBe(origins)
    expect(loadStreamConfig(environmentOf(open, 'Stream')).STREAM_ORIGINS).toEqual(origins.split(','))
  })
})
