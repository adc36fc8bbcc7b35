#!/usr/bin/env node
// Everything between a fresh clone and a running daemon; what is done already is not done again.
// `--tests`: with what only the tests need. It starts on any Node, to say which one it wants.
const [wanted, found] = [[20, 19], process.versions.node.split('.').map(Number)];

async function setUp() {
  const { SetUpError } = await import('./set-up-error.mjs');
  try {
    const { isRaspberryPi, requirePackages } = await import('./debian-packages.mjs');
    const { requireModules } = await import('./node-modules.mjs');
    const { build } = await import('./build.mjs');
    const tests = process.argv.includes('--tests');
    await requirePackages(['runtime', 'build', ...(isRaspberryPi() ? ['libcamera'] : []), ...(tests ? ['test'] : [])]);
    requireModules();
    build(tests ? 'everything' : 'program');
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

if (found[0] < wanted[0] || (found[0] === wanted[0] && found[1] < wanted[1])) {
  console.error(
    `Vedette needs Node ${wanted.join('.')} or newer; this is ${process.version}.\n` +
      'Install a newer one, for example from https://nodejs.org/en/download, and run the same command again.',
  );
  process.exitCode = 1;
} else {
  void setUp();
}
