// Preloaded with --import: loads what commonjs-modules.mjs lists by its CommonJS files.
import { registerHooks } from 'node:module'
import { commonjsModules } from './commonjs-modules.mjs'

registerHooks({
  resolve: (specifier, context, next) =>
    commonjsModules.includes(specifier)
      ? next(specifier, { ...context, conditions: ['node', 'require', 'default'] })
      : next(specifier, context),
})
