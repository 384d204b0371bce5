import { beforeAll, describe, expect, test } from 'vitest'
import { type Deployment, deploy } from './support/deployment.ts'
import { all, environmentOf, functionNames, functionOf, one, permissionsOf } from './support/look.ts'

let deployed: Deployment
beforeAll(async () => {
  deployed = await deploy({ env: { DEPLOY_DATABASE: 'rds' } })
})

test('the configuration runs through without an error', () => {
  expect(deployed.errors).toEqual([])
})

describe('the network', () => {
  test('has a way out by an instance of its own, and to S3 by an endpoint that costs nothing', () => {
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

  test('has managed gateways instead where that is chosen', async () => {
    const managed = await deploy({ env: { DEPLOY_DATABASE: 'rds', DEPLOY_NAT: 'managed' } })
    expect(managed.errors).toEqual([])
    expect(all(managed, 'aws:ec2/natGateway:NatGateway')).toHaveLength(2)
    expect(all(managed, 'aws:ec2/instance:Instance')).toEqual([])
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
    })
    expect(inputs.publiclyAccessible).toBeUndefined()
    expect([protect, retainOnDelete]).toEqual([true, true])
    expect(one(deployed, 'aws:rds/parameterGroup:ParameterGroup').inputs.family).toBe('mysql8.4')
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

  test('has its sessions set by the proxy, as the code wants them, so that no connection is pinned', () => {
    expect(
      one(deployed, 'aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup').inputs.connectionPoolConfig,
    ).toEqual({
      initQuery:
        "SET transaction_isolation = 'READ-COMMITTED', wait_timeout = 15, innodb_lock_wait_timeout = 10, " +
        'max_execution_time = 20000',
      connectionBorrowTimeout: 20,
    })
  })

  test('is waited for by the migrations: its proxy answers minutes after it has been made', () => {
    const { input } = one(deployed, 'aws:lambda/invocation:Invocation').inputs
    expect(JSON.parse(String(input))).toEqual({ mode: 'apply', patienceSeconds: 600 })
  })

  test('has an alarm for its connections', () => {
    const alarm = one(deployed, 'aws:cloudwatch/metricAlarm:MetricAlarm', 'DatabaseConnections')
    expect(alarm.inputs).toMatchObject({
      namespace: 'AWS/RDS',
      metricName: 'DatabaseConnections',
      dimensions: { DBInstanceIdentifier: one(deployed, 'aws:rds/instance:Instance').inputs.identifier },
      threshold: 50,
    })
  })
})

describe('the functions', () => {
  test('all sit in the private subnets, and may do no more for it than that takes', () => {
    expect(functionNames(deployed)).toEqual(['ApiHandler', 'Migrate', 'PollerHandler'])
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

  test('nothing streams, since a function URL does not from within a VPC, and the API promises no stream', () => {
    expect(all(deployed, 'aws:lambda/functionUrl:FunctionUrl')).toEqual([])
    expect(environmentOf(deployed, 'ApiHandler')).not.toHaveProperty('STREAM_URL')
    expect(deployed.outputs).not.toHaveProperty('events')
  })
})
