-- What FXServer's json.encode and json.decode do: lua-rapidjson with empty_table_as_array and with_hole.
-- Floats get the shortest digits that mean them; FXServer's own may have another last one of seventeen.
local vectors = ...
local raw_type, math_type, get_metatable = type, math.type, debug.getmetatable
local DEEPEST, CUTOFF, DECIMALS = 32, 11, 14

local ARRAY = { __jsontype = 'array' }
local OBJECT = { __jsontype = 'object' }

local ESCAPES = {
    ['"'] = '\\"',
    ['\\'] = '\\\\',
    ['\b'] = '\\b',
    ['\f'] = '\\f',
    ['\n'] = '\\n',
    ['\r'] = '\\r',
    ['\t'] = '\\t',
}

local function escape(character)
    return ESCAPES[character] or ('\\u%04X'):format(character:byte())
end

-- Bytes from 128 up are copied as they are, valid UTF-8 or not.
local function quoted(text)
    return '"'
        .. text:gsub('[%c"\\]', function(character)
            return character == '\127' and character or escape(character)
        end)
        .. '"'
end

local function digits_of(number)
    for precision = 14, 16 do
        local text = ('%.' .. precision .. 'e'):format(number)
        if tonumber(text) == number or precision == 16 then
            local mantissa, exponent = text:match('^(.-)e(.+)$')
            local digits = mantissa:gsub('%.', ''):gsub('0+$', '')
            return digits == '' and '0' or digits, tonumber(exponent) + 1
        end
    end
end

local function cut(whole, fraction)
    fraction = fraction:sub(1, DECIMALS):gsub('0+$', '')
    return whole .. '.' .. (fraction == '' and '0' or fraction)
end

local function positive(number)
    local digits, point = digits_of(number)
    local length = #digits
    if length <= point and point <= 21 then
        return digits .. ('0'):rep(point - length) .. '.0'
    elseif 0 < point and point <= 21 then
        return cut(digits:sub(1, point), digits:sub(point + 1))
    elseif -6 < point and point <= 0 then
        return cut('0', ('0'):rep(-point) .. digits)
    elseif point < -DECIMALS then
        return '0.0'
    elseif length == 1 then
        return ('%se%d'):format(digits, point - 1)
    end
    return ('%s.%se%d'):format(digits:sub(1, 1), digits:sub(2), point - 1)
end

local function number_text(number)
    if math_type(number) == 'integer' then
        return ('%d'):format(number)
    elseif number ~= number then
        return 'NaN'
    elseif number == math.huge then
        return 'Infinity'
    elseif number == -math.huge then
        return '-Infinity'
    elseif number == 0 then
        return 1 / number < 0 and '-0.0' or '0.0'
    end
    return (number < 0 and '-' or '') .. positive(number < 0 and -number or number)
end

-- Returns how long the array is, or nil where the table is an object.
local function array_length(value)
    local count, most = 0, 0
    for key in next, value do
        if math_type(key) ~= 'integer' or key < 1 then
            return nil
        end
        count = count + 1
        most = key > most and key or most
    end
    local metatable = get_metatable(value)
    local kind = metatable and rawget(metatable, '__jsontype')
    if most == 0 and raw_type(kind) == 'string' and kind ~= 'array' then
        return nil
    elseif most == count or most < CUTOFF or count >= most >> 1 then
        return most
    end
    return nil
end

local encode_value

local function encode_vector(out, vector)
    local texts = {}
    for position, part in ipairs(vectors.parts(vector)) do
        texts[position] = ('"%s":%s'):format(vectors.names[position], number_text(part))
    end
    out[#out + 1] = '{' .. table.concat(texts, ',') .. '}'
end

local function encode_array(out, value, length, depth)
    out[#out + 1] = '['
    for position = 1, length do
        if position > 1 then
            out[#out + 1] = ','
        end
        encode_value(out, rawget(value, position), depth)
    end
    out[#out + 1] = ']'
end

local function encode_object(out, value, depth)
    out[#out + 1] = '{'
    local first = true
    for key, item in next, value do
        local kind = raw_type(key)
        if kind ~= 'string' and kind ~= 'number' then
            error('unsupported key: ' .. kind, 0)
        end
        out[#out + 1] = (first and '' or ',') .. quoted(kind == 'number' and number_text(key) or key) .. ':'
        first = false
        encode_value(out, item, depth)
    end
    out[#out + 1] = '}'
end

function encode_value(out, value, depth)
    local kind = raw_type(value)
    if kind == 'nil' then
        out[#out + 1] = 'null'
    elseif kind == 'boolean' then
        out[#out + 1] = tostring(value)
    elseif kind == 'number' then
        out[#out + 1] = number_text(value)
    elseif kind == 'string' then
        out[#out + 1] = quoted(value)
    elseif vectors.size_of(value) then
        encode_vector(out, value)
    elseif kind == 'table' then
        if depth + 1 > DEEPEST then
            error('maximum table nesting depth exceeded', 0)
        end
        local length = array_length(value)
        if length then
            encode_array(out, value, length, depth + 1)
        else
            encode_object(out, value, depth + 1)
        end
    else
        error("type '" .. kind .. "' is not supported by JSON", 0)
    end
end

local json = {}

function json.encode(value)
    local out = {}
    encode_value(out, value, 0)
    return table.concat(out)
end

local UNESCAPES =
    { b = '\b', f = '\f', n = '\n', r = '\r', t = '\t', ['"'] = '"', ['\\'] = '\\', ['/'] = '/' }

local Reader = {}
Reader.__index = Reader

function Reader:fail(problem)
    error({ problem = problem, offset = self.at - 1 }, 0)
end

function Reader:space()
    self.at = self.text:find('[^ \t\r\n]', self.at) or #self.text + 1
    return self.text:sub(self.at, self.at)
end

function Reader:hex()
    local code = self.text:match('^%x%x%x%x', self.at)
    if not code then
        self:fail('Incorrect hex digit after \\u escape in string.')
    end
    self.at = self.at + 4
    return tonumber(code, 16)
end

function Reader:escaped()
    local letter = self.text:sub(self.at, self.at)
    self.at = self.at + 1
    if letter ~= 'u' then
        return UNESCAPES[letter] or self:fail('Invalid escape character in string.')
    end
    local code = self:hex()
    if code >= 0xD800 and code <= 0xDFFF then
        if code > 0xDBFF or self.text:sub(self.at, self.at + 1) ~= '\\u' then
            self:fail('The surrogate pair in string is invalid.')
        end
        self.at = self.at + 2
        local low = self:hex()
        if low < 0xDC00 or low > 0xDFFF then
            self:fail('The surrogate pair in string is invalid.')
        end
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
    end
    return utf8.char(code)
end

function Reader:string()
    local found = {}
    self.at = self.at + 1
    while true do
        local stop = self.text:find('["\\%c]', self.at)
        if not stop then
            self:fail('Missing a closing quotation mark in string.')
        end
        found[#found + 1] = self.text:sub(self.at, stop - 1)
        local character = self.text:sub(stop, stop)
        self.at = stop + 1
        if character == '"' then
            return table.concat(found)
        elseif character == '\\' then
            found[#found + 1] = self:escaped()
        elseif character == '\127' then
            found[#found + 1] = character
        else
            self:fail('Invalid encoding in string.')
        end
    end
end

function Reader:items(closing, read)
    self.at = self.at + 1
    while self:space() ~= closing do
        read()
        local character = self:space()
        if character == ',' then
            self.at = self.at + 1
        elseif character ~= closing then
            self:fail('Missing a comma or ' .. closing .. '.')
        end
    end
    self.at = self.at + 1
end

function Reader:array()
    local found, length = {}, 0
    self:items(']', function()
        length = length + 1
        found[length] = self:value()
    end)
    return setmetatable(found, ARRAY)
end

function Reader:object()
    local found = {}
    self:items('}', function()
        if self:space() ~= '"' then
            self:fail('Missing a name for object member.')
        end
        local key = self:string()
        if self:space() ~= ':' then
            self:fail('Missing a colon after a name of object member.')
        end
        self.at = self.at + 1
        found[key] = self:value()
    end)
    return setmetatable(found, OBJECT)
end

local WORDS = {
    { 'true', true },
    { 'false', false },
    { 'null', nil },
    { 'NaN', 0 / 0 },
    { 'Infinity', math.huge },
    { '-Infinity', -math.huge },
}

function Reader:value()
    local character = self:space()
    if character == '{' then
        return self:object()
    elseif character == '[' then
        return self:array()
    elseif character == '"' then
        return self:string()
    end
    for _, word in ipairs(WORDS) do
        if self.text:sub(self.at, self.at + #word[1] - 1) == word[1] then
            self.at = self.at + #word[1]
            return word[2]
        end
    end
    local number = self.text:match('^-?%d+%.?%d*[eE]?[+-]?%d*', self.at)
    if not number or not tonumber(number) then
        self:fail('Invalid value.')
    end
    self.at = self.at + #number
    return math.tointeger(number) and tonumber(number) or tonumber(number) + 0.0
end

-- Returns the value, or nil, an offset and a text: a broken document raises no error.
function json.decode(text)
    if text == nil or text == '' then
        return nil, 0, 'The document is empty. (0)'
    elseif raw_type(text) == 'number' then
        text = tostring(text)
    elseif raw_type(text) ~= 'string' then
        error(("bad argument #1 to 'decode' (string expected, got %s)"):format(raw_type(text)), 2)
    end
    local reader = setmetatable({ text = text, at = 1 }, Reader)
    local fine, value = pcall(function()
        local found = reader:value()
        if reader:space() ~= '' then
            reader:fail('The document root must not be followed by other values.')
        end
        return found
    end)
    if fine then
        return value, reader.at
    elseif raw_type(value) ~= 'table' then
        error(value, 0)
    end
    return nil, value.offset, ('%s (%d)'):format(value.problem, value.offset)
end

return json
