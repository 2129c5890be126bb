// Writes natives_server.txt and natives_client.txt: the names of FiveM's natives, from the typings it publishes.
// Arguments: FOLDER-OF-PACKAGES FOLDER-TO-WRITE-TO
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [packages, target] = process.argv.slice(2);
const FILES = { server: 'natives_server.d.ts', client: 'natives_universal.d.ts' };
const UNNAMED = /^N_0x/; // what has a hash and no name

for (const [side, file] of Object.entries(FILES)) {
    const folder = join(packages, 'node_modules', '@citizenfx', side);
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const typings = readFileSync(join(folder, file), 'utf8');
    const found = [...typings.matchAll(/^declare function (\w+)/gm)].map(([, name]) => name);
    const names = [...new Set(found)].filter((name) => !UNNAMED.test(name)).sort();
    writeFileSync(join(target, `natives_${side}.txt`), [`# @citizenfx/${side} ${version}`, ...names, ''].join('\n'));
}
