import { beforeAll, expect, test } from 'vitest'
import { consolePolicy } from '../../core/platform/config/console-policy.ts'
import { readSettings } from '../../infra/settings.ts'
import { type Deployment, deploy } from './support/deployment.ts'
import { all, one } from './support/look.ts'

let deployed: Deployment
let without: Deployment
beforeAll(async () => {
  // What the deployment's own build command does: the resource that runs it makes nothing here.
  await import('../../dev/console/write-build.ts')
  deployed = await deploy({ env: { DEPLOY_DATABASE: 'url', DEPLOY_CONSOLE: 'console.example.com' } })
  without = await deploy()
})

/** The source of a function at the edge, by a part of its name. */
const edge = (part: string) =>
  all(deployed, 'aws:cloudfront/function:Function')
    .filter(({ name }) => name.includes(part))
    .map(({ inputs }) => String(inputs.code))
    .join('\n')

test('the console stands at its name, and only where it is wanted', () => {
  expect(deployed.errors).toEqual([])
  const { aliases, defaultCacheBehavior } = one(
    deployed,
    'aws:cloudfront/distribution:Distribution',
    'FrontCdnDistribution',
  ).inputs as {
    aliases: string[]
    defaultCacheBehavior: Record<string, unknown>
  }
  expect(aliases).toEqual(['console.example.com'])
  expect(defaultCacheBehavior).toMatchObject({ viewerProtocolPolicy: 'redirect-to-https' })
  expect(defaultCacheBehavior.allowedMethods).toEqual(expect.arrayContaining(['POST', 'PUT', 'PATCH', 'DELETE']))
  expect(deployed.outputs.console).toBe('https://console.example.com/console/')
  expect(all(without, 'aws:cloudfront/distribution:Distribution')).toEqual([])
  expect(without.outputs.console).toBeUndefined()
})

test('what the API answers is no other user’s: nothing is cached but files that are the same for everybody', () => {
  const { defaultCacheBehavior, orderedCacheBehaviors } = one(
    deployed,
    'aws:cloudfront/distribution:Distribution',
    'FrontCdnDistribution',
  ).inputs
  expect(defaultCacheBehavior).toMatchObject({ cachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a08be39ad' })
  const associations = (defaultCacheBehavior as { functionAssociations: unknown[] }).functionAssociations
  expect(associations).toHaveLength(2)
  expect(orderedCacheBehaviors).toMatchObject([
    { pathPattern: '/console/assets/*', functionAssociations: associations },
  ])
})

test('the API is behind the same origin, for as long as it may take', () => {
  const route = JSON.stringify(deployed.resources.filter(({ name }) => name.startsWith('FrontRoute')))
  expect(route).toContain('api.example')
  expect(route).toMatch(/readTimeout\W+60/)
})

test('its files are in a private bucket, and those with a hash in their name are kept for ever', () => {
  const files = JSON.stringify(deployed.resources.filter(({ name }) => name.startsWith('ConsoleAssetFiles')))
  expect(files).toContain('console/index.html')
  expect(files).toMatch(/console\/assets\/index-[\w-]+\.js/)
  expect(files).toContain('immutable')
  const access = all(deployed, 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock').find(({ name }) =>
    name.startsWith('ConsoleAssets'),
  )
  expect(access?.inputs).toMatchObject({ blockPublicAcls: true, blockPublicPolicy: true, restrictPublicBuckets: true })
})

test('its pages load from its origin, the bucket and the streams alone, and / leads to them', () => {
  const response = edge('Response')
  const [, policy = ''] = /content-security-policy'\] = \{ value: "([^"]*)"/.exec(response) ?? []
  const [connect = ''] = /connect-src[^;]*/.exec(policy) ?? []
  const origins = connect.split(' ').slice(2)
  expect(policy).toBe(consolePolicy(origins))
  expect(origins).toEqual([
    'https://imagesbucket.s3.eu-central-1.amazonaws.com',
    'https://streamurl.lambda-url.example',
  ])
  expect(policy).not.toMatch(/unsafe|\*/)
  for (const header of ['strict-transport-security', 'referrer-policy', 'x-content-type-options']) {
    expect(response).toContain(header)
  }
  expect(edge('Request')).toContain("location: { value: '/console/' }")
})

test('its pages may post to the bucket and read the streams, beside those of DEPLOY_ORIGINS', () => {
  const cors = one(deployed, 'aws:s3/bucketCorsConfiguration:BucketCorsConfiguration', 'ImagesCors').inputs
  expect(cors.corsRules).toMatchObject([{ allowedOrigins: ['https://console.example.com'] }])
  const stream = one(deployed, 'aws:lambda/functionUrl:FunctionUrl', 'StreamUrl').inputs
  expect(stream.cors).toMatchObject({ allowOrigins: ['https://console.example.com'] })
  const both = readSettings(
    { DEPLOY_DATABASE: 'url', DEPLOY_CONSOLE: 'console.example.com', DEPLOY_ORIGINS: 'https://app.example' },
    { dev: false, quota: 1000 },
  )
  expect(both.DEPLOY_ORIGINS).toEqual(['https://console.example.com', 'https://app.example'])
})

test('where people sign in at an issuer, its pages are built to know it, and may call it', async () => {
  const settings = {
    AUTH_JWKS_URL: 'https://login.example/keys',
    AUTH_ISSUER: 'https://login.example/tenant',
    AUTH_AUDIENCE: 'https://api.example',
    CONSOLE_CLIENT_ID: 'console',
    CONSOLE_TOKEN_ORIGIN: 'https://tokens.example',
  }
  const env = { DEPLOY_DATABASE: 'url', DEPLOY_CONSOLE: 'console.example.com', ...settings }
  const signing = await deploy({ env })
  expect(signing.errors).toEqual([])
  const policies = all(signing, 'aws:cloudfront/function:Function').map(({ inputs }) => String(inputs.code))
  const [connect = ''] = /connect-src[^;]*/.exec(policies.join('\n')) ?? []
  expect(connect.split(' ').slice(-2)).toEqual(['https://login.example', 'https://tokens.example'])
  const build = signing.resources.filter(({ inputs }) => JSON.stringify(inputs).includes('write-build.ts'))
  expect(JSON.stringify(build)).toContain('CONSOLE_CLIENT_ID')
  const clear = { ...env, AUTH_ISSUER: 'login.example' }
  expect(() => readSettings(clear, { dev: false, quota: 1000 })).toThrow('AUTH_ISSUER must be a URL')
  const alone = { DEPLOY_DATABASE: 'url', CONSOLE_CLIENT_ID: 'console' }
  expect(() => readSettings(alone, { dev: false, quota: 1000 })).toThrow(
    'AUTH_JWKS_URL is missing: needed with CONSOLE_CLIENT_ID',
  )
})

test('a name that the API has is refused', () => {
  const env = { DEPLOY_DATABASE: 'url', DEPLOY_CONSOLE: 'api.example.com', DEPLOY_DOMAIN: 'api.example.com' }
  expect(() => readSettings(env, { dev: false, quota: 1000 })).toThrow('DEPLOY_CONSOLE must be another name')
  expect(() => readSettings({ ...env, DEPLOY_CONSOLE: 'https://a.example' }, { dev: false, quota: 1000 })).toThrow(
    'DEPLOY_CONSOLE must be a domain name',
  )
})
