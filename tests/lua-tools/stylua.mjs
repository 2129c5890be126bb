// Formats Lua as .stylua.toml says, or with --check says what is not formatted so: StyLua is WebAssembly without a
// command here. Arguments: [--check] FOLDER-OF-PACKAGES FILE-OR-FOLDER…
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const given = process.argv.slice(2);
const check = given[0] === '--check';
const [packages, ...places] = check ? given.slice(1) : given;
const stylua = createRequire(resolve(packages, 'package.json'))('@johnnymorganz/stylua');

const ENUMS = {
    syntax: stylua.LuaVersion,
    line_endings: stylua.LineEndings,
    indent_type: stylua.IndentType,
    quote_style: stylua.QuoteStyle,
    call_parentheses: stylua.CallParenType,
    collapse_simple_statement: stylua.CollapseSimpleStatement,
    space_after_function_names: stylua.SpaceAfterFunctionNames,
    block_newline_gaps: stylua.BlockNewlineGaps,
};

function setting(key, value) {
    const found = key in ENUMS ? ENUMS[key][value] : value;
    if (found === undefined || !(key in stylua.Config.prototype)) {
        throw new Error(`.stylua.toml: ${key} = ${value} is not known here`);
    }
    return found;
}

function configuration() {
    const config = stylua.Config.new();
    for (const line of readFileSync('.stylua.toml', 'utf8').split('\n')) {
        const [, key, value] = /^(\w+)\s*=\s*([^#]+?)\s*(?:#.*)?$/.exec(line) ?? [];
        if (key) {
            config[key] = setting(key, JSON.parse(value));
        } else if (line.trim() && !line.startsWith('#')) {
            throw new Error(`.stylua.toml: cannot read "${line}"`);
        }
    }
    return config;
}

function filesIn(place) {
    return statSync(place).isDirectory()
        ? readdirSync(place).sort().flatMap((name) => filesIn(join(place, name)))
        : place.endsWith('.lua') ? [place] : [];
}

let wrong = 0;
for (const file of places.flatMap(filesIn)) {
    const before = readFileSync(file, 'utf8');
    let after;
    try {
        after = stylua.formatCode(before, configuration(), undefined, stylua.OutputVerification.Full);
    } catch (problem) {
        console.error(`${file}: ${problem.message ?? problem}`);
        wrong += 1;
        continue;
    }
    if (after !== before && check) {
        console.error(`${file} is not formatted: make fmt`);
        wrong += 1;
    } else if (after !== before) {
        writeFileSync(file, after);
    }
}
process.exitCode = wrong ? 1 : 0;
