-- Text from players and other resources, made fit for a CAD, a console and a JSON body.

Text = {}

local SHOWN = 4 -- characters of an identifier that a log may show

-- What no reader sees and what turns the direction of writing.
local INVISIBLE = {
    { 0x7f, 0x9f },
    { 0xad, 0xad },
    { 0x200b, 0x200f },
    { 0x2028, 0x202e },
    { 0x2060, 0x206f },
    { 0xfeff, 0xfeff },
    { 0xfff9, 0xfffb },
    { 0xe0000, 0xe007f },
}

local function isInvisible(code)
    for _, range in ipairs(INVISIBLE) do
        if code >= range[1] and code <= range[2] then
            return true
        end
    end
    return false
end

local function withoutBrokenBytes(text)
    local _, broken = utf8.len(text)
    if not broken then
        return text
    end
    local parts, from = {}, 1
    while broken do
        parts[#parts + 1] = text:sub(from, broken - 1)
        from = broken + 1
        _, broken = utf8.len(text, from)
    end
    parts[#parts + 1] = text:sub(from)
    return table.concat(parts)
end

local function withoutInvisible(text)
    if not text:find('[\x7f-\xff]') then
        return text
    end
    return (
        text:gsub(utf8.charpattern, function(character)
            return isInvisible(utf8.codepoint(character)) and '' or nil
        end)
    )
end

-- In one pass over all bytes, since taking one code away may put the next together.
local function withoutColours(text)
    if not text:find('%^[0-9]') then
        return text
    end
    local kept, top = {}, 0
    for byte in text:gmatch('.') do
        if kept[top] == '^' and byte:find('^[0-9]') then
            kept[top], top = nil, top - 1
        else
            top = top + 1
            kept[top] = byte
        end
    end
    return table.concat(kept)
end

local function cut(text, limit)
    local stop = utf8.offset(text, limit + 1)
    return stop and text:sub(1, stop - 1) or text
end

--- The beginning of good UTF-8 that has at most so many bytes, and no broken character at its end.
function Text.cutBytes(text, most)
    if #text <= most then
        return text
    end
    return text:sub(1, utf8.offset(text, 0, most + 1) - 1)
end

--- Text of at most `limit` characters: valid UTF-8 in one line, without colour codes and what nobody sees.
-- Anything but text, and text of which nothing is left, is nil.
function Text.clean(value, limit)
    if type(value) ~= 'string' then
        return nil
    end
    local text = withoutBrokenBytes(value:sub(1, limit * 8))
    text = withoutColours(withoutInvisible(text:gsub('%c', ' ')))
    text = text:gsub('%s+', ' '):gsub('^ ', '')
    text = cut(text, limit):gsub(' $', '')
    return text ~= '' and text or nil
end

--- An identifier as it may stand in a log: its kind and its last characters.
function Text.shorten(identifier)
    local kind, rest = identifier:match('^([^:]*:)(.*)$')
    kind, rest = kind or '', rest or identifier
    return #rest > SHOWN and ('%s…%s'):format(kind, rest:sub(-SHOWN)) or kind .. '…'
end
