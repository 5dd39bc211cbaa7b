import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;

/**
 * Stands in for the interfaces of libraries in drivers, for example
 * {@code Fake.of(HttpServletRequest.class).on("getParameter", a -> values.get(a[0])).make()}.
 * A method that nobody set answers null, zero or false.
 */
public final class Fake<T> implements InvocationHandler {
    /** What a method does. */
    public interface Body {
        /** Called with the arguments, never null. */
        Object call(Object[] arguments) throws Exception;
    }

    private final Class<T> type;
    private final Map<String, Body> bodies = new HashMap<>();

    private Fake(Class<T> type) {
        this.type = type;
    }

    /** A stand-in for an interface. */
    public static <T> Fake<T> of(Class<T> type) {
        return new Fake<>(type);
    }

    /** Sets what all methods of this name do. */
    public Fake<T> on(String name, Body body) {
        bodies.put(name, body);
        return this;
    }

    /** The object. */
    public T make() {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, this));
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        Body body = bodies.get(method.getName());
        if (body != null) {
            return body.call(arguments == null ? new Object[0] : arguments);
        }
        if (method.getDeclaringClass() == Object.class) {
            try {
                return method.invoke(this, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }
        Class<?> result = method.getReturnType();
        if (!result.isPrimitive() || result == void.class) {
            return null;
        }
        return java.lang.reflect.Array.get(java.lang.reflect.Array.newInstance(result, 1), 0);
    }
}
