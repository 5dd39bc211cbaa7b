import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringReader;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Calls the functions of probes, each with a harmless input and with an attack. The one who watches (SurefixObserve) stops
 * this program at {@link #mark}, {@link #seen} and {@link #done} and reads their arguments.
 */
public final class SurefixDrive {
    /** How long one call may take, in milliseconds. */
    private static final long PATIENCE = 10_000;
    /** How long all calls together may take, in milliseconds. */
    private static final long ALL = 240_000;
    /** How deep objects are made for the parameters of constructors. */
    private static final int DEPTH = 3;

    /** Bodies of responses that a container would send at the end. */
    private static final List<java.io.Flushable> OPEN = Collections.synchronizedList(new ArrayList<>());

    private static ClassLoader loader;
    private static Case current;
    private static String value;

    /** One function to call. */
    private static final class Case {
        final String id, rule, type, method, key, source;
        final String[] params;
        final int at;
        final boolean names;

        Case(String[] f) {
            id = f[0];
            rule = f[1];
            type = f[2];
            method = f[3];
            params = f[4].isEmpty() ? new String[0] : f[4].split(",");
            at = Integer.parseInt(f[5]);
            key = f[6];
            names = f[7].equals("1");
            source = f[8];
        }
    }

    public static void main(String[] args) throws Exception {
        List<URL> urls = new ArrayList<>();
        for (String p : Files.readAllLines(Paths.get(args[1]))) {
            urls.add(new File(p).toURI().toURL());
        }
        urls.add(texts().toURI().toURL());
        loader = new URLClassLoader(urls.toArray(new URL[0]), SurefixDrive.class.getClassLoader());
        Thread.currentThread().setContextClassLoader(loader);
        javax.naming.spi.NamingManager.setInitialContextFactoryBuilder(env -> new Contexts());
        // A container would bring what validates entities.
        for (String p : new String[] {"javax", "jakarta"}) {
            System.setProperty(p + ".persistence.validation.mode", "none");
        }
        // What is only logged for those who look closely is logged as well.
        System.setProperty("log4j2.level", "TRACE");
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "trace");
        System.setProperty("org.apache.commons.logging.simplelog.defaultlog", "trace");
        java.util.logging.Logger.getLogger("").setLevel(java.util.logging.Level.ALL);
        DriverManager.registerDriver(Stand.driver());
        // These are watched through their implementations, so they must be there first.
        for (String name : new String[] {
            "java.sql.Connection", "java.sql.Statement", "javax.xml.xpath.XPath", "javax.naming.directory.DirContext"
        }) {
            Class.forName(name);
        }
        ready();
        long began = System.nanoTime();
        for (String line : Files.readAllLines(Paths.get(args[0]))) {
            if ((System.nanoTime() - began) / 1_000_000 > ALL) {
                break;
            }
            Case c = new Case(line.split("\t", -1));
            for (String mode : new String[] {"benign", "attack"}) {
                once(c, mode);
            }
        }
        System.exit(0);
    }

    /** Texts of the servlet API, which jars with nothing but the API lack; without them its classes cannot be loaded. */
    private static File texts() throws Exception {
        File dir = Files.createTempDirectory("surefix").toFile();
        for (String p : new String[] {"javax/servlet", "javax/servlet/http", "jakarta/servlet", "jakarta/servlet/http"}) {
            File at = new File(dir, p);
            Files.createDirectories(at.toPath());
            Files.write(new File(at, "LocalStrings.properties").toPath(), new byte[0]);
        }
        return dir;
    }

    static void ready() {}

    static void mark(String id, String mode, String rule) {}

    static void seen(String what, String text) {}

    static void done(String how) {}

    private static void once(Case c, String mode) throws Exception {
        current = c;
        value = mode.equals("attack") ? attack(c.rule, c.id) : benign(c.rule);
        File effect = effect(c.id);
        Files.deleteIfExists(effect.toPath());
        mark(c.id, mode, c.rule);
        String[] how = {"it did not end in time"};
        Thread t = new Thread(() -> {
            try {
                how[0] = call(c);
            } catch (Throwable e) {
                how[0] = "not called: " + (e instanceof IllegalStateException ? e.getMessage() : e.getClass().getName());
            }
        });
        t.setDaemon(true);
        t.setContextClassLoader(loader);
        t.start();
        t.join(PATIENCE);
        if (c.rule.equals("command-injection")) {
            for (int i = 0; i < 10 && mode.equals("attack") && !effect.exists(); i++) {
                Thread.sleep(20);
            }
            if (effect.exists()) {
                seen("effect", effect.getPath());
            }
        }
        done(how[0]);
    }

    private static File effect(String id) {
        return new File("/tmp/surefix-effect-" + id);
    }

    private static String attack(String rule, String id) {
        switch (rule) {
            case "sql-injection":
                return "surefix' OR 'surefix'='surefix";
            case "command-injection":
                return "1;touch " + effect(id);
            case "path-traversal":
            case "zip-slip":
                return "../../../../../../../../../../../../surefix-probe/outside.txt";
            case "xss":
                return "surefix'\"><surefix>1";
            case "header-injection":
            case "log-injection":
                return "1\r\nsurefix: 1";
            case "ldap-injection":
                return "*)(surefix=*";
            case "open-redirect":
                return "https://surefix.example/";
            case "xpath-injection":
                return "1' or 'surefix'='surefix";
            default:
                return "surefix";
        }
    }

    private static String benign(String rule) {
        switch (rule) {
            case "path-traversal":
            case "zip-slip":
                return "surefixbenign.txt";
            case "open-redirect":
                return "/surefixbenign";
            case "xss":
                return "surefixbenign";
            default:
                return "1";
        }
    }

    /** Calls the function and says how it ended. */
    private static String call(Case c) throws Exception {
        Class<?> type = Class.forName(c.type, true, loader);
        Method method = find(type, c);
        method.setAccessible(true);
        Object[] args = new Object[c.params.length];
        Class<?>[] types = method.getParameterTypes();
        for (int i = 0; i < args.length; i++) {
            args[i] = i == c.at ? carry(types[i]) : make(types[i], DEPTH);
        }
        Object on = Modifier.isStatic(method.getModifiers()) ? null : instance(type);
        Object result;
        OPEN.clear();
        try {
            result = method.invoke(on, args);
            for (java.io.Flushable f : OPEN.toArray(new java.io.Flushable[0])) {
                f.flush();
            }
        } catch (InvocationTargetException e) {
            Throwable root = e.getCause();
            String how = "threw " + root.getClass().getName();
            while (root.getCause() != null && root.getCause() != root) {
                root = root.getCause();
            }
            return root == e.getCause() ? how : how + ", because of " + root.getClass().getName();
        }
        if (result != null) {
            body(result);
        }
        return "returned";
    }

    /** What a handler returns may be the body of its response. */
    private static void body(Object result) {
        if (result instanceof CharSequence) {
            seen("body", result.toString());
            return;
        }
        for (String getter : new String[] {"getBody", "getEntity"}) {
            try {
                Method m = result.getClass().getMethod(getter);
                m.setAccessible(true);
                Object inner = m.invoke(result);
                if (inner instanceof CharSequence) {
                    seen("body", inner.toString());
                }
            } catch (ReflectiveOperationException | RuntimeException e) {
                // It is no response.
            }
        }
    }

    private static Method find(Class<?> type, Case c) throws NoSuchMethodException {
        for (Method m : type.getDeclaredMethods()) {
            Class<?>[] types = m.getParameterTypes();
            boolean fits = m.getName().equals(c.method) && types.length == c.params.length && !m.isBridge();
            for (int i = 0; fits && i < types.length; i++) {
                fits = types[i].getSimpleName().equals(c.params[i]) || c.params[i].equals("?");
            }
            if (fits) {
                return m;
            }
        }
        throw new NoSuchMethodException(c.method);
    }

    /** The input as a value of a type. */
    private static Object carry(Class<?> type) throws Exception {
        if (type.isAssignableFrom(String.class)) {
            return value;
        }
        if (type == String[].class) {
            return new String[] {value};
        }
        if (type.isAssignableFrom(ByteArrayInputStream.class)) {
            return new ByteArrayInputStream(bytes());
        }
        if (type.isAssignableFrom(List.class)) {
            return new ArrayList<>(Arrays.asList(value));
        }
        if (type.isAssignableFrom(Map.class)) {
            Map<String, Object> map = new HashMap<>();
            map.put(current.key, value);
            return map;
        }
        Object made = make(type, DEPTH);
        // An object of the project: its texts carry the input.
        for (Class<?> k = made == null ? null : made.getClass(); k != null && k != Object.class; k = k.getSuperclass()) {
            for (Field f : k.getDeclaredFields()) {
                if (f.getType() == String.class && !Modifier.isStatic(f.getModifiers())) {
                    f.setAccessible(true);
                    f.set(made, value);
                }
            }
        }
        return made;
    }

    /** The bytes of a request: for archives one with an entry of that name. */
    private static byte[] bytes() throws Exception {
        if (!current.rule.equals("zip-slip")) {
            return value.getBytes(StandardCharsets.UTF_8);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry(value));
            zip.write('1');
            zip.closeEntry();
        }
        return out.toByteArray();
    }

    private static Object instance(Class<?> type) throws Exception {
        Constructor<?>[] all = type.getDeclaredConstructors();
        Arrays.sort(all, (a, b) -> a.getParameterCount() - b.getParameterCount());
        Throwable last = null;
        for (Constructor<?> c : all) {
            try {
                c.setAccessible(true);
                Class<?>[] types = c.getParameterTypes();
                Object[] args = new Object[types.length];
                for (int i = 0; i < args.length; i++) {
                    args[i] = make(types[i], DEPTH);
                }
                Object made = c.newInstance(args);
                fill(type, made);
                return made;
            } catch (InvocationTargetException e) {
                last = e.getCause();
            } catch (ReflectiveOperationException | RuntimeException e) {
                last = e;
            }
        }
        throw new IllegalStateException("no object of " + type.getName() + " can be made: " + last.getClass().getName());
    }

    /** Fields that a container would set. */
    private static void fill(Class<?> type, Object made) throws Exception {
        for (Class<?> k = type; k != null && k != Object.class; k = k.getSuperclass()) {
            for (Field f : k.getDeclaredFields()) {
                int m = f.getModifiers();
                if (Modifier.isStatic(m) || Modifier.isFinal(m) || f.getType().isPrimitive()) {
                    continue;
                }
                try {
                    f.setAccessible(true);
                    if (f.get(made) == null && f.getAnnotations().length > 0) {
                        f.set(made, make(f.getType(), DEPTH));
                    }
                } catch (RuntimeException e) {
                    // A field of a closed module keeps what it has.
                }
            }
        }
    }

    /** A value of a type with which a function can work. */
    static Object make(Class<?> type, int depth) {
        if (type == boolean.class || type == Boolean.class) {
            return false;
        }
        if (type == char.class || type == Character.class) {
            return '1';
        }
        if (type.isPrimitive()) {
            return type == void.class ? null : Array.get(filled(type), 0);
        }
        if (type == String.class || type == CharSequence.class || type == Object.class) {
            return "1";
        }
        if (type == Integer.class) {
            return 1;
        }
        if (type == Long.class) {
            return 1L;
        }
        if (type == File.class) {
            return new File("/tmp");
        }
        if (type.getName().equals("java.nio.file.Path")) {
            return Paths.get("/tmp");
        }
        if (type.isAssignableFrom(ByteArrayInputStream.class)) {
            return new ByteArrayInputStream(new byte[0]);
        }
        if (type.isArray()) {
            return Array.newInstance(type.getComponentType(), 0);
        }
        if (type.isEnum()) {
            return type.getEnumConstants().length > 0 ? type.getEnumConstants()[0] : null;
        }
        if (type.isAssignableFrom(ArrayList.class)) {
            return new ArrayList<>();
        }
        if (type.isAssignableFrom(LinkedHashMap.class)) {
            return new LinkedHashMap<>();
        }
        if (type.isInterface()) {
            return Stand.in(type);
        }
        if (depth == 0 || Modifier.isAbstract(type.getModifiers())) {
            return null;
        }
        Constructor<?>[] all = type.getConstructors();
        Arrays.sort(all, (a, b) -> a.getParameterCount() - b.getParameterCount());
        for (Constructor<?> c : all) {
            // With something to work on, if it takes that.
            boolean works = Arrays.stream(c.getParameterTypes()).anyMatch(Class::isInterface);
            if (!works && c.getParameterCount() == 0 && all.length > 1 && takesInterface(all)) {
                continue;
            }
            try {
                Object[] args = new Object[c.getParameterCount()];
                for (int i = 0; i < args.length; i++) {
                    args[i] = make(c.getParameterTypes()[i], depth - 1);
                }
                return c.newInstance(args);
            } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
                // The next one may do.
            }
        }
        return null;
    }

    private static boolean takesInterface(Constructor<?>[] all) {
        return Arrays.stream(all).anyMatch(c -> c.getParameterCount() == 1 && c.getParameterTypes()[0].isInterface());
    }

    private static Object filled(Class<?> type) {
        Object a = Array.newInstance(type, 1);
        if (type == int.class) {
            Array.set(a, 0, 1);
        } else if (type == long.class) {
            Array.set(a, 0, 1L);
        }
        return a;
    }

    /** Stands in for objects that a container or a database would give. */
    static final class Stand implements InvocationHandler {
        private final Class<?> type;
        private final ByteArrayOutputStream written = new ByteArrayOutputStream();
        private final Map<Object, Object> held = new HashMap<>();
        private PrintWriter writer;

        private Stand(Class<?> type) {
            this.type = type;
        }

        static Object in(Class<?> type) {
            ClassLoader l = type.getClassLoader() == null ? loader : type.getClassLoader();
            Class<?> shown = http(type, l);
            return Proxy.newProxyInstance(l, new Class<?>[] {shown}, new Stand(shown));
        }

        /** Filters are given requests and responses of HTTP, whatever their parameters say, and cast them. */
        private static Class<?> http(Class<?> type, ClassLoader l) {
            String name = type.getSimpleName();
            if (!name.equals("ServletRequest") && !name.equals("ServletResponse")) {
                return type;
            }
            try {
                return Class.forName(type.getPackage().getName() + ".http.Http" + name, false, l);
            } catch (ClassNotFoundException e) {
                return type;
            }
        }

        static Driver driver() {
            return (Driver) Proxy.newProxyInstance(
                    SurefixDrive.class.getClassLoader(), new Class<?>[] {Driver.class}, (p, m, a) -> {
                        switch (m.getName()) {
                            case "connect":
                                return connect(p, (String) a[0], (Properties) a[1]);
                            case "acceptsURL":
                                return true;
                            case "equals":
                                return p == a[0];
                            case "hashCode":
                                return 1;
                            case "toString":
                                return "driver of the probe";
                            default:
                                return make(m.getReturnType(), 0);
                        }
                    });
        }

        /** The real database if there is one. */
        private static Connection connect(Object self, String url, Properties info) {
            for (Enumeration<Driver> e = DriverManager.getDrivers(); e.hasMoreElements(); ) {
                Driver d = e.nextElement();
                try {
                    Connection c = d == self ? null : d.connect(url, info);
                    if (c != null) {
                        return c;
                    }
                } catch (java.sql.SQLException x) {
                    // Not to be had here.
                }
            }
            return (Connection) in(Connection.class);
        }

        @Override
        public Object invoke(Object self, Method m, Object[] args) throws Throwable {
            String name = m.getName();
            String first = args != null && args.length > 0 && args[0] instanceof String ? (String) args[0] : null;
            if (m.getDeclaringClass() == Object.class) {
                return name.equals("equals") ? self == args[0] : name.equals("hashCode") ? (Object) 7 : type.getSimpleName();
            }
            for (int i = 0; args != null && i < args.length; i++) {
                // What follows the text of a statement are its values.
                if (args[i] instanceof String && (i == 0 || !current.rule.equals("sql-injection"))) {
                    seen("call " + type.getName() + "." + name, (String) args[i]);
                }
            }
            if (type.getSimpleName().endsWith("ServletRequest")) {
                Object r = request(name, first, m.getReturnType());
                if (r != null) {
                    return r;
                }
            }
            if (type.getSimpleName().endsWith("ServletResponse")) {
                Object r = response(name, args, m.getReturnType());
                if (r != null) {
                    return r;
                }
            }
            if (name.equals("setAttribute") || name.equals("putValue") || name.equals("addAttribute")) {
                held.put(args[0], args.length > 1 ? args[1] : args[0]);
            }
            if (name.equals("getAttribute") || name.equals("getValue")) {
                return held.get(args[0]);
            }
            if (name.equals("getRealPath")) {
                return "/tmp";
            }
            if (m.isDefault() && m.getReturnType() == void.class) {
                return null;
            }
            if (m.getReturnType().isInstance(self)) {
                return self;
            }
            if (m.getReturnType() == boolean.class) {
                return false;
            }
            if (m.getReturnType() == String.class) {
                return null;
            }
            return make(m.getReturnType(), 1);
        }

        private Object request(String name, String key, Class<?> type) throws Exception {
            // Any other key means nothing when it is known which one carries the input; when names carry it, they have a value.
            String v = current.names
                    ? current.key
                    : key == null || current.key.isEmpty() || key.equalsIgnoreCase(current.key) ? value : null;
            String k = current.names ? value : current.key.isEmpty() ? "surefix" : current.key;
            // The other parts of the address hold it only where they are the source.
            String path = "/" + (current.source.equals(name) ? value : "surefix");
            switch (name) {
                case "getParameter":
                case "getHeader":
                    return v;
                case "getParameterValues":
                    return v == null ? null : new String[] {v};
                case "getHeaders":
                    return Collections.enumeration(v == null ? Collections.emptyList() : Arrays.asList(v));
                case "getParameterMap":
                    return Collections.singletonMap(k, new String[] {current.names ? current.key : value});
                case "getParameterNames":
                case "getHeaderNames":
                    return Collections.enumeration(Arrays.asList(k));
                case "getCookies":
                    return cookies(type.getComponentType(), k);
                case "getQueryString":
                    return k + "=" + URLEncoder.encode(value, "UTF-8");
                case "getPathInfo":
                case "getRequestURI":
                case "getServletPath":
                    return path;
                case "getRequestURL":
                    return new StringBuffer("http://localhost" + path);
                case "getRemoteUser":
                case "getCharacterEncoding":
                    return name.equals("getRemoteUser") ? "1" : "UTF-8";
                case "getMethod":
                    return current.method.equals("doGet") ? "GET" : "POST";
                case "getLocale":
                    return Locale.ROOT;
                case "getReader":
                    return new java.io.BufferedReader(new StringReader(value));
                case "getInputStream":
                    return stream(type);
                default:
                    return null;
            }
        }

        private static Object cookies(Class<?> cookie, String key) throws Exception {
            Object list = Array.newInstance(cookie, 1);
            Array.set(list, 0, cookie.getConstructor(String.class, String.class).newInstance(key, value));
            return list;
        }

        /** A stream of the servlet API can only be had from a class of the project or of the server. */
        private static Object stream(Class<?> type) throws Exception {
            Class<?> made = Subclass.of(type, loader);
            return made.getConstructor(InputStream.class).newInstance(new ByteArrayInputStream(bytes()));
        }

        private Object response(String name, Object[] args, Class<?> type) throws Exception {
            switch (name) {
                case "getWriter":
                    if (writer == null) {
                        writer = new PrintWriter(new Body(), true);
                        OPEN.add(writer);
                    }
                    return writer;
                case "getOutputStream":
                    Class<?> made = Subclass.of(type, loader);
                    OutputStream body = (OutputStream) made.getConstructor(OutputStream.class).newInstance(new Body());
                    OPEN.add(body);
                    return body;
                case "setHeader":
                case "addHeader":
                    seen("header", args[0] + ": " + args[1]);
                    return null;
                case "addCookie":
                    for (String g : new String[] {"getName", "getValue", "getPath", "getDomain"}) {
                        Object v = args[0].getClass().getMethod(g).invoke(args[0]);
                        if (v != null) {
                            seen("header", v.toString());
                        }
                    }
                    return null;
                case "sendError":
                case "setStatus":
                    seen("status", String.valueOf(args[0]));
                    return null;
                case "encodeURL":
                case "encodeRedirectURL":
                    return args[0];
                case "isCommitted":
                    return false;
                default:
                    return null;
            }
        }

        /** The body of a response, told at each flush and as soon as a line is written. */
        private final class Body extends OutputStream {
            @Override
            public void write(int b) {
                written.write(b);
            }

            @Override
            public void write(byte[] b, int from, int n) {
                written.write(b, from, n);
                flush();
            }

            @Override
            public void flush() {
                seen("body", new String(written.toByteArray(), StandardCharsets.UTF_8));
            }
        }
    }

    /** What a lookup in a directory gives: stands-in for the type that the caller casts to cannot be known, so data sources. */
    public static final class Contexts implements javax.naming.spi.InitialContextFactory {
        @Override
        public javax.naming.Context getInitialContext(java.util.Hashtable<?, ?> env) {
            return (javax.naming.Context) Proxy.newProxyInstance(
                    SurefixDrive.class.getClassLoader(),
                    new Class<?>[] {javax.naming.ldap.LdapContext.class},
                    (p, m, a) -> m.getName().equals("lookup")
                            ? (a[0].toString().contains("java:comp/env") && !a[0].toString().contains("jdbc/") && a[0].toString().endsWith("env")
                                    ? p
                                    : Stand.in(javax.sql.DataSource.class))
                            : make(m.getReturnType(), 0));
        }
    }

    /** Makes the two stream classes of the servlet API concrete, with the compiler of this Java. */
    private static final class Subclass {
        private static final Map<Class<?>, Class<?>> MADE = new HashMap<>();

        static Class<?> of(Class<?> base, ClassLoader l) throws Exception {
            Class<?> known = MADE.get(base);
            if (known != null) {
                return known;
            }
            boolean in = InputStream.class.isAssignableFrom(base);
            String name = "Surefix" + base.getSimpleName() + MADE.size();
            String listener = base.getPackage().getName() + (in ? ".ReadListener" : ".WriteListener");
            boolean listens = Arrays.stream(base.getMethods()).anyMatch(m -> m.getName().startsWith("set") && m.getName().endsWith("Listener"));
            String more = !listens ? "" : (in ? "public boolean isFinished(){return false;}" : "")
                    + "public boolean isReady(){return true;}public void set" + (in ? "Read" : "Write") + "Listener(" + listener + " l){}";
            String text = "public class " + name + " extends " + base.getName() + "{private final "
                    + (in
                            ? "java.io.InputStream s;public " + name + "(java.io.InputStream s){this.s=s;}public int read() throws java.io.IOException{return s.read();}"
                            : "java.io.OutputStream s;public " + name + "(java.io.OutputStream s){this.s=s;}"
                                    + "public void write(int b) throws java.io.IOException{s.write(b);if(b==10)s.flush();}"
                                    + "public void write(byte[] b,int o,int n) throws java.io.IOException{s.write(b,o,n);}"
                                    + "public void flush() throws java.io.IOException{s.flush();}")
                    + more + "}";
            File dir = Files.createTempDirectory("surefix").toFile();
            File file = new File(dir, name + ".java");
            Files.write(file.toPath(), text.getBytes(StandardCharsets.UTF_8));
            StringBuilder path = new StringBuilder();
            for (URL u : ((URLClassLoader) l).getURLs()) {
                path.append(new File(u.toURI())).append(File.pathSeparator);
            }
            int code = javax.tools.ToolProvider.getSystemJavaCompiler()
                    .run(null, System.err, System.err, "-proc:none", "-d", dir.getPath(), "-cp", path.toString(), file.getPath());
            if (code != 0) {
                throw new IllegalStateException("no stream of " + base.getName());
            }
            Class<?> made = new URLClassLoader(new URL[] {dir.toURI().toURL()}, l).loadClass(name);
            MADE.put(base, made);
            return made;
        }
    }
}
