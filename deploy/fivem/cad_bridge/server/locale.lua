-- What players read, from locales/<name>.json; English wherever a file lacks a text.

Locale = {}

local texts = {}

local function read(name)
    local content = LoadResourceFile(GetCurrentResourceName(), ('locales/%s.json'):format(name))
    local done, found = pcall(json.decode, content or '')
    if done and type(found) == 'table' then
        return found
    end
    Log.warn(('locales/%s.json is %s.'):format(name, content and 'not valid JSON' or 'missing'))
    return {}
end

--- Reads a language; `name` is that of its file.
function Locale.load(name)
    texts = read('en')
    if name ~= 'en' then
        for key, text in pairs(read(name)) do
            texts[key] = type(text) == 'string' and text or texts[key]
        end
    end
end

--- The text of a key.
function Locale.say(key)
    return texts[key] or key
end
