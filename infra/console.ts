import { signInOrigins } from '../core/platform/config/console.ts'
import { consolePath, consolePolicy } from '../core/platform/config/console-policy.ts'
import type { Settings } from './settings.ts'

/** Where `dev/console/write-build.ts` puts the console. */
const built = 'dist/console'

/** In seconds: the most that CloudFront allows without a raised quota. The API answers within thirty. */
const answerSeconds = '60 seconds'

/**
 * Cache policies of AWS (CloudFront Developer Guide, "Use managed cache policies"). With any other than the first, CloudFront
 * answers requests for the same path that come at once with one answer: another user's.
 */
const cachingDisabled = '4135ea2d-6df8-44a3-9df3-4b5a08be39ad'
const cachingOptimized = '658327ea-f89d-4fab-a63d-7e88639e58f6'

/**
 * The console under a domain name of its own, with the API behind the same origin, so that its pages need no other. The streams and the
 * bucket keep their own origins: a page may load from these alone, and call the issuer of tokens where people sign in there.
 *
 * @returns where the console is; undefined where none is wanted
 */
export function createConsole(
  { DEPLOY_CONSOLE: domain, console: { config, environment } }: Settings,
  {
    api,
    bucket,
    streamUrl,
  }: {
    readonly api: sst.aws.ApiGatewayV2
    readonly bucket: sst.aws.Bucket
    readonly streamUrl: $util.Output<string> | undefined
  },
): $util.Output<string> | undefined {
  if (!domain) return undefined
  const policy = $util
    .all([bucket.nodes.bucket.bucketRegionalDomainName, streamUrl ?? ''])
    .apply(([host, stream]) =>
      consolePolicy([`https://${host}`, ...(stream ? [new URL(stream).origin] : [])], signInOrigins(config)),
    )
  const router = new sst.aws.Router('Front', {
    domain,
    edge: {
      viewerRequest: {
        injection: `
if (event.request.uri === '/' || event.request.uri === '${consolePath.slice(0, -1)}') {
  return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: '${consolePath}' } } };
}`,
      },
      viewerResponse: {
        injection: $interpolate`
if (event.request.uri.startsWith('${consolePath}')) {
  const headers = event.response.headers;
  headers['content-security-policy'] = { value: "${policy}" };
  headers['strict-transport-security'] = { value: 'max-age=63072000' };
  headers['referrer-policy'] = { value: 'no-referrer' };
  headers['x-content-type-options'] = { value: 'nosniff' };
}`,
      },
    },
    transform: {
      cdn: (args) => {
        const behaviour = $util.output(args.defaultCacheBehavior)
        args.defaultCacheBehavior = behaviour.apply((all) => ({ ...all, cachePolicyId: cachingDisabled }))
        // Named by a hash of their content, and the same for everybody.
        args.orderedCacheBehaviors = [
          behaviour.apply((all) => ({
            ...all,
            pathPattern: `${consolePath}assets/*`,
            cachePolicyId: cachingOptimized,
          })),
        ]
      },
    },
  })
  router.route('/', api.url, { readTimeout: answerSeconds })
  new sst.aws.StaticSite('Console', {
    path: '.',
    build: { command: 'node dev/boot/run.mjs node dev/console/write-build.ts', output: built },
    environment,
    router: { instance: router, path: consolePath.slice(0, -1) },
    // Only CloudFront reads it.
    transform: { assets: { cors: false } },
    // `npm start` serves it on this machine.
    dev: false,
  })
  return $interpolate`https://${domain}${consolePath}`
}
