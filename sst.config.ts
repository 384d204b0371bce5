/// <reference path="./.sst/platform/config.d.ts" />

// SST reads this file twice, the first time without its components: it has no imports of its own at the top.
export default $config({
  app(input) {
    const production = input.stage === 'production'
    return {
      name: 'vision-pipeline',
      home: 'aws',
      version: '4.17.1',
      providers: { aws: '7.20.0' },
      // `sst remove` is refused, and whatever holds data outlives its place in the configuration.
      protect: production,
      removal: production ? 'retain' : 'remove',
    }
  },
  async run() {
    const { deploy } = await import('./infra/deploy.ts')
    return deploy()
  },
})
