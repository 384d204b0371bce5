// Loads drizzle-orm by its CommonJS files. Its package.json is of 180 kB, and Node.js 24 reads that anew for each of the two hundred
// ES modules of the package: 2 s of processor time for every process. Preloaded with --import; a bundle has no need of it.
import { registerHooks } from 'node:module'

registerHooks({
  resolve: (specifier, context, next) =>
    /^drizzle-orm(\/|$)/.test(specifier)
      ? next(specifier, { ...context, conditions: ['node', 'require', 'default'] })
      : next(specifier, context),
})
