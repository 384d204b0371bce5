import { describe, expect, test } from 'vitest'
import { readSettings } from '../../infra/settings.ts'
import { deploy } from './support/deployment.ts'
import { all, environmentOf, functionNames, functionOf, one } from './support/look.ts'

describe('a stage of production', () => {
  test('is protected, and keeps the bucket whatever becomes of the configuration', async () => {
    const deployed = await deploy({ stage: 'production' })
    expect(deployed.app).toMatchObject({ removal: 'retain', protect: true })
    const bucket = one(deployed, 'aws:s3/bucket:Bucket')
    expect([bucket.retainOnDelete, bucket.inputs.forceDestroy]).toEqual([true, false])
  })
})

describe('any other stage', () => {
  test('goes without a trace, its database and the images included', async () => {
    const deployed = await deploy({ stage: 'ann', env: { DEPLOY_DATABASE: 'rds' } })
    expect(deployed.errors).toEqual([])
    expect(deployed.app).toMatchObject({ removal: 'remove', protect: false })
    const bucket = one(deployed, 'aws:s3/bucket:Bucket')
    expect([bucket.retainOnDelete, bucket.inputs.forceDestroy]).toEqual([false, true])
    const instance = one(deployed, 'aws:rds/instance:Instance')
    expect([instance.retainOnDelete, instance.protect]).toEqual([false, false])
    expect(instance.inputs).toMatchObject({ deletionProtection: false, skipFinalSnapshot: true })
  })

  test('has metrics and alarms of its own', async () => {
    const deployed = await deploy({ stage: 'ann' })
    expect(environmentOf(deployed, 'PollerHandler').POWERTOOLS_SERVICE_NAME).toBe('vision-pipeline-ann')
    expect(one(deployed, 'aws:cloudwatch/metricAlarm:MetricAlarm', 'OldestDue').inputs).toMatchObject({
      name: 'vision-pipeline-ann-OldestDue',
      dimensions: { service: 'vision-pipeline-ann' },
    })
  })
})

describe('sst dev', () => {
  test('takes the database of this machine, migrates nothing and wakes no worker', async () => {
    const DATABASE_URL = 'mysql://root@127.0.0.1:3306/vision'
    const deployed = await deploy({ stage: 'ann', dev: true, env: { DATABASE_URL, DEPLOY_DATABASE: 'rds' } })
    expect(deployed.errors).toEqual([])
    expect(functionNames(deployed)).toEqual(['ApiHandler', 'PollerHandler', 'Stream'])
    for (const name of functionNames(deployed)) expect(environmentOf(deployed, name)).toMatchObject({ DATABASE_URL })
    // SST bundles them itself, again and again.
    const sources = deployed.targets.map(({ handler, bundle }) => [handler, bundle])
    const names = ['functions/api.handler', 'functions/poller.handler', 'functions/stream.handler']
    expect(sources.toSorted()).toEqual(names.map((name) => [name, undefined]))
    // Their packages are those of this folder, into which a copy would be written.
    const written = deployed.targets.flatMap(({ copyFiles }) => copyFiles.filter(({ to }) => !to.includes('swagger')))
    expect(written).toEqual([])
    expect(functionOf(deployed, 'PollerHandler')).toMatchObject({ description: 'Drains the queue (live)' })
    for (const type of ['aws:ec2/vpc:Vpc', 'aws:rds/instance:Instance', 'aws:cloudwatch/metricAlarm:MetricAlarm']) {
      expect(all(deployed, type)).toEqual([])
    }
    expect(all(deployed, 'aws:lambda/invocation:Invocation')).toEqual([])
  })

  test('reserves nothing, and does not ask how much there is', async () => {
    const env = { DATABASE_URL: 'mysql://root@127.0.0.1:3306/vision' }
    const deployed = await deploy({ stage: 'ann', dev: true, env, quota: null })
    expect(deployed.errors).toEqual([])
    for (const name of functionNames(deployed)) {
      expect(functionOf(deployed, name).reservedConcurrentExecutions).toBeUndefined()
    }
  })

  test('wants the version of Node.js that the functions are deployed with: it runs them by the one of this machine', () => {
    const env = { DATABASE_URL: 'mysql://root@127.0.0.1:3306/vision' }
    const read = (dev: boolean, node: string) => () => readSettings({ ...env, DEPLOY_DATABASE: 'url' }, { dev, node })
    expect(read(true, '22.11.0')).toThrow('Node.js 24 or later is missing')
    expect(read(true, '24.1.0')).not.toThrow()
    // A deployment only bundles them.
    expect(read(false, '22.11.0')).not.toThrow()
  })

  test('says so where there is none', async () => {
    const deployed = await deploy({ stage: 'ann', dev: true, env: {} })
    expect(deployed.errors.join()).toContain('DATABASE_URL is missing')
  })
})
